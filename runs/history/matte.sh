#!/usr/bin/env bash
# A record of version 0.2.0. src/depthmatte/training/recipes/matte.toml superseded it: train by
# `depthmatte train remake matte`. Constants named here are fields of the recipe now.
#
# Trains and exports the shipped portrait network. DATA is the data folder, TEACHER the soft
# teacher's ONNX file (MODNet), WORK is scratch. 24 minutes on one H200 and twelve on one H100, with
# 16 CPU cores each, with a depth network in training at the same time. Without a GPU the same
# commands take several nights: give --batch-size 8, and --minutes of several hours.
#
# The script shows the phases of the training. It does not reproduce the shipped weights exactly:
# constants of the code changed between phases, and phases end by the clock.
# See runs/history/matte.md.
set -euo pipefail
DATA=${1:?usage: runs/history/matte.sh DATA TEACHER [WORK]}
TEACHER=${2:?usage: runs/history/matte.sh DATA TEACHER [WORK]}
WORK=${3:-work}

depthmatte train labels matte --data "$DATA" --teacher "$TEACHER" -o "$WORK/mattes"
COMMON=(--data "$DATA" --labels "$WORK/mattes" --epochs 2000 --freeze 1 --encoder-rate 0.5
    --landscape 0.25)
EARLY=("${COMMON[@]}" --passes 4 --workers 6 --batch-size 24)
LATE=("${COMMON[@]}" --passes 8 --workers 10 --batch-size 40)
# From ImageNet weights, with strong augmentation and people pasted into other photos. Phase 1 had no
# distractors in the background. Phase 2 had them with `CrowdOptions.distractors` at 0.5.
depthmatte train matte "${EARLY[@]}" -o "$WORK/matte1" --minutes 6.2 --learning-rate 1e-3 \
    --strength 0.7 --seed 21
depthmatte train matte "${EARLY[@]}" -o "$WORK/matte2" --minutes 4.7 --learning-rate 6e-4 \
    --strength 0.5 --seed 22 --start "$WORK/matte1/last.pt"
# Two rows of distractors and bent people were added here. The shares of copy-paste and of
# distractors were raised from 0.3 and 0.5 (`augment.copy_paste`, `tasks.matte`).
depthmatte train matte "${LATE[@]}" -o "$WORK/matte3" --minutes 6.4 --learning-rate 1e-3 \
    --strength 0.5 --seed 41 --start "$WORK/matte2/last.pt"
depthmatte train matte "${LATE[@]}" -o "$WORK/matte4" --minutes 6.3 --learning-rate 8e-4 \
    --strength 0.45 --seed 42 --start "$WORK/matte3/last.pt"
depthmatte train mix "$WORK/matte3/last.pt" "$WORK/matte4/last.pt" --shares 1,2 \
    -o "$WORK/matte34.pt"
# Trailing cloth was added here.
depthmatte train matte "${COMMON[@]}" --passes 8 --workers 9 --batch-size 40 -o "$WORK/matte5" \
    --minutes 12 --learning-rate 8e-4 --strength 0.5 --seed 61 --start "$WORK/matte34.pt"
depthmatte train mix "$WORK"/matte{3,4,5}/last.pt --shares 1,2,3 -o "$WORK/matte.pt"
depthmatte train export "$WORK/matte.pt" -o src/depthmatte/networks/matte.onnx \
    --data "$DATA" --command "depthmatte train matte, phases as in runs/matte.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
