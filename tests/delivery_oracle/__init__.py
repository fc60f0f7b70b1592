"""The oracle of deliveries: what a recording server got and answered decides what an outcome may say."""
