#!/usr/bin/env bash
# Trains and exports the shipped depth network. DATA is the data folder, TEACHER the weak
# teacher's ONNX file, WORK is scratch. About 1.5 hours on one CPU core.
set -euo pipefail
DATA=${1:?usage: runs/depth.sh DATA TEACHER [WORK]}
TEACHER=${2:?usage: runs/depth.sh DATA TEACHER [WORK]}
WORK=${3:-work}

depthmatte train labels depth --data "$DATA" --teacher "$TEACHER" -o "$WORK/labels"
COMMON=(--data "$DATA" --labels "$WORK/labels" --freeze 2 --encoder-rate 0.5 --threads 1)
# This run was laid out for 7 epochs and stopped by hand after the fourth; posters became more
# frequent and heavier in scenes after it, so a repeat differs a little.
depthmatte train depth "${COMMON[@]}" -o "$WORK/depth1" --epochs 4 --preset 224x192 \
    --rate 1e-3 --seed 0
depthmatte train depth "${COMMON[@]}" -o "$WORK/depth2" --epochs 2 --preset 320x256 \
    --rate 6e-4 --seed 1 --start "$WORK/depth1/last.pt"
depthmatte train depth "${COMMON[@]}" -o "$WORK/depth3" --epochs 2 --preset 320x256 \
    --rate 5e-4 --seed 2 --start "$WORK/depth2/last.pt"
# LEAST_SPREAD came in here: without it the map of a real photo could stay nearly flat.
depthmatte train depth "${COMMON[@]}" -o "$WORK/depth5" --epochs 1 --preset 320x256 \
    --rate 3e-4 --seed 5 --start "$WORK/depth3/last.pt"
depthmatte train mix "$WORK/depth3/last.pt" "$WORK/depth5/last.pt" --shares 1,1 \
    -o "$WORK/mixed.pt"
depthmatte train export "$WORK/mixed.pt" -o src/depthmatte/networks/depth.onnx \
    --data "$DATA" --command "depthmatte train depth, phases as in runs/depth.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
