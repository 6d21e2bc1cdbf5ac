#!/usr/bin/env bash
# Trains and exports the shipped portrait network. DATA is the data folder, WORK is scratch.
# Three phases on two CPU cores, about two hours: small canvases first, then larger ones.
set -euo pipefail
DATA=${1:?usage: runs/matte.sh DATA [WORK]}
WORK=${2:-work}

depthmatte train matte --data "$DATA" -o "$WORK/matte1" --epochs 8 --preset 224x192 \
    --freeze 2 --encoder-rate 0.5 --rate 1e-3 --threads 1 --seed 0
depthmatte train matte --data "$DATA" -o "$WORK/matte2" --epochs 7 --preset 320x256 \
    --freeze 2 --encoder-rate 0.5 --rate 8e-4 --threads 1 --seed 1 --start "$WORK/matte1/last.pt"
depthmatte train export "$WORK/matte2/last.pt" -o src/depthmatte/networks/matte.onnx \
    --command "depthmatte train matte, phases as in runs/matte.sh"
(cd src/depthmatte/networks && sha256sum ./*.onnx | sed 's| \./| |' > SHA256SUMS)
