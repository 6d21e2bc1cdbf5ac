#!/usr/bin/env bash
# A record of version 0.2.0. src/depthmatte/training/recipes/fuse.toml superseded it: train by
# `depthmatte train remake fuse`. Constants named here are fields of the recipe now.
#
# Draws hard scenes and composites, stores the networks' maps of them, trains and exports the
# fusion network. DATA is the data folder, WORK is scratch, where runs/history/matte.sh and
# runs/history/depth.sh left their phases; OLD holds matte.onnx and depth.onnx of an earlier version.
# Maps: two CPU cores. Training: 13 minutes on one H200 with 16 CPU cores, then 30, 42, 35, 65, 38 and
# 58 minutes on two CPU cores.
#
# The script shows the phases of the training. It does not reproduce the shipped weights exactly:
# constants of the code changed between phases, and phases end by the clock.
# See runs/history/fuse.md.
set -euo pipefail
DATA=${1:?usage: runs/history/fuse.sh DATA OLD [WORK]}
OLD=${2:?usage: runs/history/fuse.sh DATA OLD [WORK]}
WORK=${3:-work}

# Maps of the networks that shipped at that time (phase 2) and of weaker ones. Weaker networks err
# more often and in other places, as the shipped ones do on people they were not trained on.
for task in matte depth; do
    for phase in 1 2; do
        depthmatte train export "$WORK/$task$phase/last.pt" -o "$WORK/$task$phase.onnx" --data "$DATA"
    done
done
depthmatte train maps --data "$DATA" -o "$WORK/maps/own" --count 400 --seed 2 --composites 600 \
    --matte-network "$WORK/matte2.onnx" --depth-network "$WORK/depth2.onnx"
depthmatte train maps --data "$DATA" -o "$WORK/maps/first" --count 80 --seed 13 --composites 500 \
    --stereo-network sgbm --matte-network "$WORK/matte1.onnx" --depth-network "$WORK/depth1.onnx"
depthmatte train maps --data "$DATA" -o "$WORK/maps/old" --count 30 --seed 15 --composites 400 \
    --stereo-network sgbm --matte-network "$OLD/matte.onnx" --depth-network "$OLD/depth.onnx"

# Training used a part of these maps: 340 scenes (58 of them also with the second look), 630 ordinary
# photos (each once, from a random folder) and 1,285 composites. Depth had 8 bits, estimates half
# the size. Depth and alpha of the first 400 scenes were those of the version before. Its other
# networks are the same. The colors of these scenes were drawn again with the same random seed.
RUN=(--data "$DATA" --labels "$WORK/maps" --preset 480x352 --landscape 0.3 --epochs 2000)
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse1" --minutes 8.5 --passes 4 --workers 14 \
    --batch-size 32 --learning-rate 2e-3 --seed 41
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse2" --minutes 3.9 --passes 2 --workers 15 \
    --batch-size 32 --learning-rate 1e-3 --seed 42 --start "$WORK/fuse1/last.pt"
# Misplaced depth (`tasks.fusion._MISPLACED_SHARE`) was added here, on the CPU.
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse3" --minutes 28 --limit 250 --threads 1 \
    --batch-size 16 --learning-rate 6e-4 --seed 51 --start "$WORK/fuse2/last.pt"
# The last run alone is too cautious with clear depth, so its weights are averaged.
depthmatte train mix "$WORK/fuse2/last.pt" "$WORK/fuse3/last.pt" --shares 1,2 \
    -o "$WORK/fuse23.pt"

# Training on maps of the later phases. At that time a quarter of the composites had a second person of
# any height. Of 1,600 composites the 1,200 without one were kept, and the counts below are those.
# Training used all scenes of the folders `again` and `before` (61 in each also with the second
# look), the photos of `again`, and only the composites of the other folders.
depthmatte train export "$WORK/matte34.pt" -o "$WORK/matte34.onnx" --data "$DATA"
depthmatte train export "$WORK/matte.pt" -o "$WORK/matte.onnx" --data "$DATA"
depthmatte train export "$WORK/depth4/last.pt" -o "$WORK/depth4.onnx" --data "$DATA"
maps() {  # FOLDER MATTE DEPTH SEED SCENES COMPOSITES [OPTIONS]
    depthmatte train maps --data "$DATA" -o "$WORK/again/$1" --matte-network "$WORK/$2.onnx" \
        --depth-network "$WORK/$3.onnx" --seed "$4" --count "$5" --composites "$6" "${@:7}"
}
AGAIN=(--data "$DATA" --labels "$WORK/again" --preset 480x352 --landscape 0.3 --epochs 2000
    --batch-size 16 --learning-rate 5e-4)
maps again matte34 depth4 2 400 0
maps before matte2 depth2 2 400 0
maps own matte depth4 71 1 375 --companions 0
maps second matte2 depth2 72 1 375 --companions 0
maps far matte depth1 73 1 225 --companions 0
maps near matte1 depth4 74 1 225 --companions 0
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse4" --minutes 42 --limit 640 --threads 2 \
    --seed 92 --start "$WORK/fuse23.pt"
# This run alone drops a forearm on one photo of P3M, so its weights are averaged.
depthmatte train mix "$WORK/fuse23.pt" "$WORK/fuse4/last.pt" --shares 1,1 -o "$WORK/fuse234.pt"

# `corruptions.misplace_depth` now also gives limbs the depth beside them. Stopped after two epochs.
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse5" --minutes 75 --limit 640 --threads 1 \
    --seed 112 --start "$WORK/fuse234.pt"
# Photos of groups and composites of people side by side were added. Scenes now weigh 6 instead of 4.
# Of the photos in these folders only groups were kept, and not the scene.
maps abreast matte depth4 81 1 320 --companions 1
maps beside matte2 depth2 82 1 320 --companions 1
maps together matte1 depth4 83 1 160 --companions 1
maps all matte depth1 84 1 160 --companions 1
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse6" --minutes 65 --limit 500 --threads 1 \
    --seed 113 --start "$WORK/fuse5/last.pt"
# The mean of the second epoch (a copy of last.pt after it) and the last.
depthmatte train mix "$WORK/fuse6/second.pt" "$WORK/fuse6/last.pt" --shares 1,1 -o "$WORK/fuse56.pt"
# Distractors nearly as tall as the subject were added (only composites were kept). Composites now
# weigh 2 instead of 3. Stopped after three epochs.
maps tall matte depth4 91 1 450 --distractors 1 --tall-distractors
maps taller matte2 depth2 92 1 450 --distractors 1 --tall-distractors
maps tallest matte1 depth4 93 1 250 --distractors 1 --tall-distractors
maps high matte depth1 94 1 250 --distractors 1 --tall-distractors
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse7" --minutes 80 --limit 500 --threads 1 \
    --seed 131 --start "$WORK/fuse56.pt"
# Depth cameras that see a part of the photo were added (`tasks.fusion._CROPPED_FIELD_SHARE`).
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse8" --minutes 58 --limit 500 --threads 1 \
    --seed 132 --start "$WORK/fuse7/last.pt"
depthmatte train mix "$WORK/fuse8/last.pt" "$WORK/fuse7/last.pt" --shares 1,1 -o "$WORK/fuse.pt"
depthmatte train export "$WORK/fuse.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, phases as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
