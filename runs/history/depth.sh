#!/usr/bin/env bash
# A record of version 0.2.0. src/depthmatte/training/recipes/depth.toml superseded it: train by
# `depthmatte train remake depth`. Constants named here are fields of the recipe now.
#
# Trains and exports the shipped depth network. DATA is the data folder, TEACHER the weak
# teacher's ONNX file, WORK is scratch. 24 minutes on one H200 with 16 CPU cores, the
# portrait network's training at the same time.
#
# The script shows the phases of the training. It does not reproduce the shipped weights exactly:
# constants of the code changed between phases, and phases end by the clock.
# See runs/history/depth.md.
set -euo pipefail
DATA=${1:?usage: runs/history/depth.sh DATA TEACHER [WORK]}
TEACHER=${2:?usage: runs/history/depth.sh DATA TEACHER [WORK]}
WORK=${3:-work}

depthmatte train labels depth --data "$DATA" --teacher "$TEACHER" -o "$WORK/labels"
COMMON=(--data "$DATA" --labels "$WORK/labels" --epochs 2000 --batch-size 16 --freeze 1
    --encoder-rate 0.5 --landscape 0.35)
EARLY=("${COMMON[@]}" --passes 4 --workers 9)
LATE=("${COMMON[@]}" --passes 8 --workers 5)
# Share of scenes with a row of people in the background: 0.2 in phase 1, 0.3 in phase 2, 0.45 in
# phases 3 and 4.
depthmatte train depth "${EARLY[@]}" -o "$WORK/depth1" --minutes 6.2 --learning-rate 1e-3 --seed 31
depthmatte train depth "${EARLY[@]}" -o "$WORK/depth2" --minutes 4.7 --learning-rate 6e-4 --seed 32 \
    --start "$WORK/depth1/last.pt"
depthmatte train depth "${LATE[@]}" -o "$WORK/depth3" --minutes 6.4 --learning-rate 1e-3 --seed 51 \
    --start "$WORK/depth2/last.pt"
depthmatte train depth "${LATE[@]}" -o "$WORK/depth4" --minutes 6.3 --learning-rate 8e-4 --seed 52 \
    --start "$WORK/depth3/last.pt"
depthmatte train export "$WORK/depth4/last.pt" -o src/depthmatte/networks/depth.onnx \
    --data "$DATA" --command "depthmatte train depth, phases as in runs/depth.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
