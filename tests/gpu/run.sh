#!/usr/bin/env bash
# Everything worth doing on a lent GPU, in one call from the repository's root: the painter's tests
# on the device, then the model's bench. Results go to the folder named by OUT (default: gpu-results).
#
# Wheels missing there may be carried in .whl/ (pip download --no-deps; names and versions are the
# machine's own affair); they are installed beside what is there.
set -euo pipefail

out=${OUT:-gpu-results}
mkdir -p "$out"
if compgen -G ".whl/*.whl" >/dev/null; then
  python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target /tmp/site .whl/*.whl
  export PYTHONPATH="/tmp/site${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1

python3 - <<'PYTHON' | tee "$out/machine.txt"
import sys, torch, diffusers, transformers
print("python", sys.version.split()[0], "torch", torch.__version__,
      "diffusers", diffusers.__version__, "transformers", transformers.__version__)
print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no CUDA device")
PYTHON

failed=0
python3 -m pytest -q -p no:cacheprovider -o addopts= -o filterwarnings= -o timeout=0 \
  tests/gpu tests/painter 2>&1 | tee "$out/tests.txt" || failed=1
for size in 256x256 512x512; do
  python3 -m engine.painter.bench --model presets/models/rehearsal --size "$size" --seconds 5 \
    --json | tee "$out/bench-rehearsal-$size.json" || failed=1
done
exit "$failed"
