#!/usr/bin/env bash
# Draws hard scenes, keeps what the shipped networks say about them, trains and exports the
# fusion network. DATA is the data folder, WORK is scratch. Two CPU cores, about an hour.
set -euo pipefail
DATA=${1:?usage: runs/fuse.sh DATA [WORK]}
WORK=${2:-work}

depthmatte train maps --data "$DATA" -o "$WORK/maps" --count 400 --seed 2
depthmatte train fuse --data "$DATA" --labels "$WORK/maps" --preset 480x352 -o "$WORK/fuse" \
    --epochs 6 --rate 2e-3 --seed 0 --landscape 0.3 --threads 1
depthmatte train export "$WORK/fuse/last.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
