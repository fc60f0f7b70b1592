#!/bin/sh
comfy node install quillwork
