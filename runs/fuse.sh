#!/usr/bin/env bash
# Draws hard scenes, keeps what the shipped networks say about them, trains and exports the
# fusion network. DATA is the data folder, WORK is scratch. One CPU core, about an hour.
set -euo pipefail
DATA=${1:?usage: runs/fuse.sh DATA [WORK]}
WORK=${2:-work}

depthmatte train maps --data "$DATA" -o "$WORK/maps" --count 500
depthmatte train fuse --data "$DATA" --labels "$WORK/maps" -o "$WORK/fuse1" --epochs 3 \
    --preset 480x352 --rate 2e-3 --seed 0
depthmatte train export "$WORK/fuse1/last.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
