#!/usr/bin/env bash
# Trains and exports the shipped portrait network. DATA is the data folder, TEACHER the soft
# teacher's ONNX file (MODNet), WORK is scratch. Two CPU cores, about four hours: small canvases
# first, then larger ones, at last photos nearly as they come with softer street outlines.
set -euo pipefail
DATA=${1:?usage: runs/matte.sh DATA TEACHER [WORK]}
TEACHER=${2:?usage: runs/matte.sh DATA TEACHER [WORK]}
WORK=${3:-work}

COMMON=(--data "$DATA" --freeze 2 --encoder-rate 0.5)
depthmatte train matte "${COMMON[@]}" -o "$WORK/matte1" --epochs 8 --preset 224x192 \
    --rate 1e-3 --seed 0
# Laid out for 7 epochs; stopped after the third, when 384x288 had measured better.
depthmatte train matte "${COMMON[@]}" -o "$WORK/matte2" --epochs 7 --preset 320x256 \
    --rate 8e-4 --seed 1 --start "$WORK/matte1/last.pt" &
until [ "$(grep -c ^2, "$WORK/matte2/log.csv" 2>/dev/null)" = 1 ]; do sleep 5; done
sleep 5 && kill %1 && wait || true
depthmatte train labels matte --data "$DATA" --teacher "$TEACHER" -o "$WORK/mattes"
FINE=(--preset 384x288 --labels "$WORK/mattes")
# The first epoch ran in a schedule of 6. The loss term "error" is newer than the first two phases.
depthmatte train matte "${COMMON[@]}" "${FINE[@]}" -o "$WORK/matte3" --epochs 4 --rate 6e-4 \
    --seed 2 --strength 0.4 --landscape 0.1 --start "$WORK/matte2/last.pt"
# Part of the person blurred or painted over (SMEAR) was added here: matte3 had lost hidden faces.
depthmatte train matte "${COMMON[@]}" "${FINE[@]}" -o "$WORK/matte4" --epochs 1 --rate 3e-4 \
    --seed 4 --strength 0.6 --landscape 0.25 --start "$WORK/matte3/last.pt"
depthmatte train mix "$WORK/matte2/last.pt" "$WORK/matte4/last.pt" --shares 1,5 \
    -o "$WORK/mixed.pt"
# A larger canvas. Photos without masks join in from here on, Clothing counts more. The first
# epoch ran in a schedule of 4.
WIDE=(--preset 480x352 --labels "$WORK/mattes")
depthmatte train matte "${COMMON[@]}" "${WIDE[@]}" -o "$WORK/matte5" --epochs 3 --rate 6e-4 \
    --seed 7 --strength 0.6 --landscape 0.25 --start "$WORK/mixed.pt"
depthmatte train matte "${COMMON[@]}" "${WIDE[@]}" -o "$WORK/matte6" --epochs 1 --limit 160 \
    --rate 4e-4 --seed 11 --strength 0.2 --landscape 0.1 --start "$WORK/matte5/last.pt"
depthmatte train mix "$WORK/mixed.pt" "$WORK/matte6/last.pt" --shares 1,2 -o "$WORK/final.pt"
depthmatte train export "$WORK/final.pt" -o src/depthmatte/networks/matte.onnx \
    --data "$DATA" --command "depthmatte train matte, phases as in runs/matte.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
