#!/usr/bin/env bash
# Everything worth doing on a lent GPU, from the repository's root. Results go to the folder named by
# OUT (default: gpu-results).
#   tests/gpu/run.sh         parity on the device, the bench of all models, the painter's tests, as
#                            gpu.json and gpu.txt; again, until it says that all is done
#   tests/gpu/run.sh train   nine minutes of training the rehearsal model; again, until it says done:
#                            rehearsal-work/ stays there between calls. Needs the workshop's wheels
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

if [ "${1:-}" = train ]; then
  workshop=(python3 -m presets.rehearsal --work rehearsal-work --plan gpu --workers "$(nproc)"
    --model rehearsal-work/model --loras rehearsal-work/loras)
  # a command ends after ten minutes there
  left() { echo "$(((540 - SECONDS) / 60)).1"; }
  "${workshop[@]}" --minutes "$(left)" train && "${workshop[@]}" --minutes "$(left)" loras &&
    [ "$SECONDS" -lt 360 ] && "${workshop[@]}" evaluate --sheets "$out/sheets" &&
    touch "$out/done" || true
  cp rehearsal-work/evaluation.json "$out/" 2>/dev/null || true
  # whole folders do not come back: one file each, and under 16 MiB
  for kind in model loras; do
    [ ! -d "rehearsal-work/$kind" ] || tar -C rehearsal-work -cf "$out/$kind.tar" "$kind"
  done
  exit
fi

# what a call could not do is done by the next one: gpu-work/ stays there between calls
python3 -m tests.gpu.measure --work gpu-work --out "$out" --minutes 9
