from python:3.12-slim as studio
workdir /studio
run pip install comfy-cli
run comfy --skip-prompt install --cpu
run cd /root/comfy/ComfyUI && comfy --here node install loomstitch quillwork@0.4.0 && rm -rf /root/.cache
entrypoint ["comfy", "launch", "--", "--listen"]
