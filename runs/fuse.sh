#!/usr/bin/env bash
# Draws hard scenes, keeps what the shipped networks say about them, trains and exports the
# fusion network. DATA is the data folder, WORK is scratch. One CPU core, about an hour.
set -euo pipefail
DATA=${1:?usage: runs/fuse.sh DATA [WORK]}
WORK=${2:-work}

# The maps of the first scenes were made with the portrait network as it stood after epoch 1 of
# its fifth phase; those of seed 1 with the one that ships.
depthmatte train maps --data "$DATA" -o "$WORK/maps" --count 230
RUN=(--data "$DATA" --labels "$WORK/maps" --preset 480x352)
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse2" --epochs 5 --rate 2e-3 --seed 0
depthmatte train maps --data "$DATA" -o "$WORK/maps" --count 104 --seed 1
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse3" --epochs 3 --rate 1.2e-3 --seed 3 \
    --start "$WORK/fuse2/last.pt"
depthmatte train export "$WORK/fuse3/last.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
