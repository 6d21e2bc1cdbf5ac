#!/usr/bin/env bash
# A record of version 0.2.0. src/depthmatte/training/recipes/stereo.toml superseded it: train by
# `depthmatte train remake stereo`. Constants named here are fields of the recipe now.
#
# Trains and exports the shipped binocular depth network. DATA is the data folder, WORK is
# scratch. One CPU core, under two hours.
#
# The script shows the training. It does not reproduce the shipped weights exactly:
# constants of the code changed later, and the stop below depends on the clock.
set -euo pipefail
DATA=${1:?usage: runs/history/stereo.sh DATA [WORK]}
WORK=${2:-work}

# Started with a plan of four epochs, stopped after the second and resumed with a plan of three, so
# that the learning rate fell sooner.
RUN=(--data "$DATA" -o "$WORK/stereo1" --batch-size 4 --preset 320x192 --landscape 0.9 --learning-rate 1.5e-3
    --encoder-rate 0.3 --freeze 2 --seed 0)
depthmatte train stereo "${RUN[@]}" --epochs 4 &
until [ "$(grep -c ^1, "$WORK/stereo1/log.csv" 2>/dev/null)" = 1 ]; do sleep 5; done
sleep 5 && kill %1 && wait || true
depthmatte train stereo "${RUN[@]}" --epochs 3 --resume
depthmatte train export "$WORK/stereo1/last.pt" -o src/depthmatte/networks/stereo.onnx \
    --data "$DATA" --command "depthmatte train stereo, as in runs/stereo.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
