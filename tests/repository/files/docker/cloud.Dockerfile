FROM nvidia/cuda:12.8.1-runtime-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends git python3 python3-venv && rm -rf /var/lib/apt/lists/*
RUN pip install comfy-cli==1.23.0 && comfy --skip-prompt tracking disable
RUN comfy --skip-prompt --workspace=/opt/ComfyUI install --fast-deps --nvidia
RUN comfy --skip-prompt --workspace=/opt/ComfyUI node install --fast-deps --mode=remote hazelnut-suite@1.0.2 comfyui-saltflat@3.1.0
RUN comfy --workspace /opt/ComfyUI node install --channel default loomstitch
