#!/usr/bin/env bash
# Draws hard scenes, keeps what the shipped networks say about them, trains and exports the
# fusion network. DATA is the data folder, WORK is scratch. Two CPU cores, about an hour.
set -euo pipefail
DATA=${1:?usage: runs/fuse.sh DATA [WORK]}
WORK=${2:-work}

# The first phase saw pairs matched by OpenCV, and on every third scene only; the second sees
# all of them as the binocular network matches them. Its second looks were measured by their
# own nearest and farthest part; since then they keep the whole photo's scale.
depthmatte train maps --data "$DATA" -o "$WORK/maps1" --count 400 --seed 2 --stereo-network sgbm
depthmatte train maps --data "$DATA" -o "$WORK/maps2" --count 400 --seed 2
RUN=(--data "$DATA" --preset 480x352 --landscape 0.3 --threads 1)
depthmatte train fuse "${RUN[@]}" --labels "$WORK/maps1" -o "$WORK/fuse1" --epochs 6 --rate 2e-3 \
    --seed 0
depthmatte train fuse "${RUN[@]}" --labels "$WORK/maps2" -o "$WORK/fuse2" --epochs 2 --rate 1.2e-3 \
    --seed 6 --start "$WORK/fuse1/last.pt"
depthmatte train export "$WORK/fuse2/last.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, phases as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
