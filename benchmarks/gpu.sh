#!/bin/bash
# What a GPU gives: tests, speed of training and of indexing, and Table II of Olaleye et al. (2022), in 9 minutes at most.
#
#     benchmarks/gpu.sh CORPUS [OUT]
#
# CORPUS is a folder that 'earmark corpus' made, with the tags vgs and bow ('earmark tag'). OUT (gpu-results) gets
# results.md, results.jsonl, Table II as table2.md, and a log for each step. A step that fails or takes too long is said
# and left; the others go on. Without a GPU, or with SHORT=1, a little of everything is done, to see that it runs.
#
# Nothing is installed: the sources of this checkout are run by PYTHON (python3, or .venv/bin/python), which needs torch,
# pytest, and for the pair models transformers.
#
# Variables: SECONDS_IN_ALL=540 (1500 without a GPU), STEPS="tests throughput table2 pairs index", JOBS=8 (trainings of
# Table II side by side), EPOCHS=60 (of each, at most).

set -u
[ $# -ge 1 ] || { sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2; }
SECONDS=0
ROOT=$(cd "$(dirname "$0")/.." && pwd)
CORPUS=$(cd "$1" && pwd) || exit 2
mkdir -p "${2:-gpu-results}" && OUT=$(cd "${2:-gpu-results}" && pwd) || exit 2
PYTHON=${PYTHON:-$([ -x "$ROOT/.venv/bin/python" ] && echo "$ROOT/.venv/bin/python" || command -v python3)}
export PYTHONPATH="$ROOT/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
WORK=$(mktemp -d "${TMPDIR:-/tmp}/earmark-gpu.XXXXXX") || exit 2
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$WORK"' EXIT
rm -f "$OUT"/results.* "$OUT"/table2.md "$OUT"/*.log
GPU_PY="$ROOT/benchmarks/gpu.py"
HAS_GPU=$("$PYTHON" -c 'import torch; print(int(torch.cuda.is_available()))') || { echo "$PYTHON has no torch"; exit 2; }
SHORT=${SHORT:-$((1 - HAS_GPU))}
TOTAL=${SECONDS_IN_ALL:-$([ "$SHORT" = 1 ] && echo 1500 || echo 540)}
STEPS=${STEPS:-tests throughput table2 pairs index}
SHORT_FLAG=()
[ "$SHORT" = 1 ] && SHORT_FLAG=(--short)
[ "$HAS_GPU" = 1 ] || echo "torch sees no GPU: a short version runs on the CPU, and no test of a GPU."

# step NAME SECONDS COMMAND...: run it for so long at most and so long as there is time, say how it ended.
step() {
    local name=$1 limit=$2 left=$((TOTAL - SECONDS - 5)) begun=$SECONDS status
    shift 2
    [ "$SHORT" = 1 ] && limit=$((4 * limit)) # a few cores, perhaps busy
    case " $STEPS " in *" ${name%% *} "*) ;; *) return 0 ;; esac
    [ "$limit" -lt "$left" ] || limit=$left
    if [ "$limit" -lt 5 ]; then
        echo "== $name: no time left"
        note "$name" "no time left"
        return 1
    fi
    echo "== $name (at most $limit s, $SECONDS s gone)"
    timeout -k 5 "$limit" "$@" >>"$OUT/${name// /-}.log" 2>&1
    status=$?
    case $status in
        0) echo "   done in $((SECONDS - begun)) s" ;;
        124 | 137) echo "   stopped after $limit s" ;;
        *) echo "   failed ($status):"; tail -n 15 "$OUT/${name// /-}.log" | sed 's/^/   | /' ;;
    esac
    note "$name" "$([ $status = 0 ] && echo done || { [ $status = 124 ] && echo stopped || echo "failed ($status)"; })" \
        "seconds=$((SECONDS - begun))"
    return $status
}

note() { "$PYTHON" - "$OUT" "$@" <<'P'
import json, sys
out, name, ended, *more = sys.argv[1:]
with open(f"{out}/results.jsonl", "a", encoding="utf-8") as lines:
    lines.write(json.dumps({"step": "steps", "name": name, "ended": ended, **dict(m.split("=", 1) for m in more)}) + "\n")
P
}

# The trainings of Table II and their evaluations, JOBS side by side in one folder, then one report of what is there.
table2() {
    local limit=$1 begun=$SECONDS jobs all=() cells=() cell
    out="$WORK/table2" corpus=$CORPUS epochs=${EPOCHS:-60}
    jobs=${JOBS:-$("$PYTHON" -c 'import os; print(max(1, min(8, (os.cpu_count() or 2) // 2)))')}
    all=(cnn-attend/{attention,masked-in,masked-out}/{vgs,bow} cnn-pool-attend/{attention,masked-in,masked-out}/{vgs,bow}
        cnn-pool/grad-cam/{vgs,bow} psc/score-aggregation/{vgs,bow})
    trainings=({cnn-attend,cnn-pool-attend,cnn-pool,psc}'/*/'{vgs,bow}) # the costliest first, so that none is left alone
    if [ "$SHORT" = 1 ]; then
        corpus="$WORK/short" epochs=1 jobs=1 all=(cnn-attend/attention/vgs psc/score-aggregation/bow) trainings=("${all[@]}")
        PYTHONPATH="$ROOT/benchmarks:$PYTHONPATH" "$PYTHON" -c 'import sys; from pathlib import Path; import gpu
gpu.part_of(gpu.read_corpus(Path(sys.argv[1])), Path(sys.argv[2]), {"train": 32, "dev": 8, "test": 8})' "$CORPUS" "$corpus"
    else
        epochs=$("$PYTHON" "$GPU_PY" epochs "$OUT" --seconds $((limit * 6 / 10)) --jobs "$jobs" --most "$epochs" \
            --utterances "$(gzip -dc "$CORPUS/train.jsonl.gz" | wc -l)")
    fi
    echo "$epochs epochs, $jobs side by side"
    export corpus out epochs OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
    reproduce() { "$PYTHON" -m earmark reproduce olaleye2022 --corpus "$corpus" --out "$out" "$@"; }
    export -f reproduce
    printf '%s\n' "${trainings[@]}" | timeout -k 5 $((limit - 25)) \
        xargs -P "$jobs" -I{} bash -c 'reproduce --epochs "$epochs" --only "$1"' _ {}
    echo "trained and evaluated in $((SECONDS - begun)) s"
    for cell in "${all[@]}"; do # a cell's file has its name with dashes
        if [ -f "$out/cells/${cell//\//-}.json" ]; then cells+=(--only "$cell"); else echo "$cell was not reached"; fi
    done
    [ ${#cells[@]} -gt 0 ] || return 1
    reproduce "${cells[@]}"
    cp "$out/report.md" "$OUT/table2.md"
    note "Table II, $epochs epochs" "$((${#cells[@]} / 2)) of ${#all[@]} cells" "seconds=$((SECONDS - begun))"
    [ ${#cells[@]} = $((2 * ${#all[@]})) ]
}

"$PYTHON" "$GPU_PY" device "$OUT" || exit 2
export -f table2 note
export ROOT CORPUS OUT PYTHON WORK GPU_PY SHORT
[ -n "${JOBS:-}" ] && export JOBS
[ -n "${EPOCHS:-}" ] && export EPOCHS

if [ "$HAS_GPU" = 1 ]; then
    SIDE_BY_SIDE=$("$PYTHON" -c 'import importlib.util as u, os; print(*(["-n", str(min(8, os.cpu_count()))] if u.find_spec("xdist") else []))')
    # shellcheck disable=SC2086
    step tests 80 "$PYTHON" -m pytest -q -p no:cacheprovider -m gpu $SIDE_BY_SIDE \
        "$ROOT/tests/training/test_gpu.py" "$ROOT/tests/localisation/test_masking.py"
    grep -E '^(FAILED|ERROR)|passed|failed' "$OUT/tests.log" 2>/dev/null
fi
step throughput 75 "$PYTHON" "$GPU_PY" throughput "$CORPUS" "$OUT" "${SHORT_FLAG[@]}"
[ "$HAS_GPU" = 1 ] && step "throughput on the CPU" 60 env CUDA_VISIBLE_DEVICES= "$PYTHON" "$GPU_PY" throughput "$CORPUS" "$OUT" "${SHORT_FLAG[@]}"
step table2 230 bash -c "table2 $([ "$SHORT" = 1 ] && echo 920 || echo 230)"
step pairs 70 "$PYTHON" "$GPU_PY" pairs "$CORPUS" "$OUT" "${SHORT_FLAG[@]}"
step index 45 "$PYTHON" "$GPU_PY" index "$CORPUS" "$OUT" "${SHORT_FLAG[@]}"
[ "$HAS_GPU" = 1 ] && step "index on the CPU" 45 env CUDA_VISIBLE_DEVICES= "$PYTHON" "$GPU_PY" index "$CORPUS" "$OUT" "${SHORT_FLAG[@]}"
rm -rf "$OUT/runs" "$OUT/parts" "$OUT/recordings" "$OUT/archives"
"$PYTHON" "$GPU_PY" note "$OUT" "the whole" "seconds=$SECONDS" "limit=$TOTAL"
echo "The results are in $OUT/results.md, Table II in $OUT/table2.md."
