"""An independent oracle for `audit`: what each form of install gets, by the contract, whatever the registry says.

A cell is a form of install, with what its marks and files say (`forms`), of a pack of which the registry says something
(`situations`), while `GET /nodes` answers well or badly (`endpoint`). `expected` says what the contract allows in it.
None of it knows how the program judges.
"""
