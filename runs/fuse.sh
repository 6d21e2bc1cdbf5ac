#!/usr/bin/env bash
# Draws hard scenes and composites, keeps what the networks say about them, trains and exports
# the fusion network. DATA is the data folder, WORK is scratch, where runs/matte.sh and
# runs/depth.sh left their phases; OLD holds matte.onnx and depth.onnx of an earlier version.
# Two CPU cores, then 13 minutes on one H200 with 16, then half an hour, 42, 35, 65, 38 and 58 minutes on the CPU.
set -euo pipefail
DATA=${1:?usage: runs/fuse.sh DATA OLD [WORK]}
OLD=${2:?usage: runs/fuse.sh DATA OLD [WORK]}
WORK=${3:-work}

# What shipped then, the second phases, and understudies: weaker networks err more often and
# elsewhere, as the shipped ones do on people they were not trained on.
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

# The runs saw a part of these: 340 scenes, 58 of them also closer, 630 of the ordinary photos
# (each once, from a folder drawn by lot), 1,285 composites; depth in 8 bits, estimates at half
# size. Depth and mattes of
# the first 400 scenes were those of the version before, whose other networks are the same; their
# colours were drawn again from the seed.
RUN=(--data "$DATA" --labels "$WORK/maps" --preset 480x352 --landscape 0.3 --epochs 2000)
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse1" --minutes 8.5 --passes 4 --workers 14 \
    --batch-size 32 --learning-rate 2e-3 --seed 41
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse2" --minutes 3.9 --passes 2 --workers 15 \
    --batch-size 32 --learning-rate 1e-3 --seed 42 --start "$WORK/fuse1/last.pt"
# Misplaced depth (`tasks.fusion._MISPLACED_SHARE`) was added here, on the CPU.
depthmatte train fuse "${RUN[@]}" -o "$WORK/fuse3" --minutes 28 --limit 250 --threads 1 \
    --batch-size 16 --learning-rate 6e-4 --seed 51 --start "$WORK/fuse2/last.pt"
# Alone the last run doubts clear depth as well.
depthmatte train mix "$WORK/fuse2/last.pt" "$WORK/fuse3/last.pt" --shares 1,2 \
    -o "$WORK/fuse23.pt"

# Anew on what the later phases say. A second person of any height stood in a quarter of composites then: of
# 1,600 the 1,200 without were kept, so the counts below are theirs. Of `again` and `before`
# all scenes were seen (the second look of 61 in each), of `again` the photos too, of the others
# the composites alone.
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
# Alone it drops a forearm on one photo of P3M.
depthmatte train mix "$WORK/fuse23.pt" "$WORK/fuse4/last.pt" --shares 1,1 -o "$WORK/fuse234.pt"

# Limbs at the depth beside them joined `corruptions.misplace_depth`; two epochs, then stopped.
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse5" --minutes 75 --limit 640 --threads 1 \
    --seed 112 --start "$WORK/fuse234.pt"
# Groups and people abreast joined in, and scenes weigh 6 for 4. Of their photos the
# groups alone were kept, of their one scene nothing.
maps abreast matte depth4 81 1 320 --companions 1
maps beside matte2 depth2 82 1 320 --companions 1
maps together matte1 depth4 83 1 160 --companions 1
maps all matte depth1 84 1 160 --companions 1
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse6" --minutes 65 --limit 500 --threads 1 \
    --seed 113 --start "$WORK/fuse5/last.pt"
# Its second epoch (a copy of last.pt as it stood then) and its last.
depthmatte train mix "$WORK/fuse6/second.pt" "$WORK/fuse6/last.pt" --shares 1,1 -o "$WORK/fuse56.pt"
# Strangers nearly as tall as the subject joined in (composites alone were kept), and composites
# weigh 2 for 3; three epochs, then stopped.
maps tall matte depth4 91 1 450 --distractors 1 --tall-distractors
maps taller matte2 depth2 92 1 450 --distractors 1 --tall-distractors
maps tallest matte1 depth4 93 1 250 --distractors 1 --tall-distractors
maps high matte depth1 94 1 250 --distractors 1 --tall-distractors
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse7" --minutes 80 --limit 500 --threads 1 \
    --seed 131 --start "$WORK/fuse56.pt"
# Depth cameras that see a part of the photo joined in (`tasks.fusion._CROPPED_FIELD_SHARE`).
depthmatte train fuse "${AGAIN[@]}" -o "$WORK/fuse8" --minutes 58 --limit 500 --threads 1 \
    --seed 132 --start "$WORK/fuse7/last.pt"
depthmatte train mix "$WORK/fuse8/last.pt" "$WORK/fuse7/last.pt" --shares 1,1 -o "$WORK/fuse.pt"
depthmatte train export "$WORK/fuse.pt" -o src/depthmatte/networks/fuse.onnx \
    --command "depthmatte train fuse, phases as in runs/fuse.sh"
(cd src/depthmatte/networks && sha256sum -- *.onnx > SHA256SUMS)
