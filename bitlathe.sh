#!/usr/bin/env bash
# Bitlathe on one command: installs what is missing, builds, and does it.
#   ./bitlathe.sh run [options]      the demo: its results as a table, then the window on them
#   ./bitlathe.sh test [pattern]     every test, or those whose name matches
#   ./bitlathe.sh emulate [options]  exported C on emulated Cortex-M4 and M7, all configurations; the README's table
#   ./bitlathe.sh results            measures the README's tables of post-training results anew (takes a while)
#   ./bitlathe.sh screenshots        makes resources/screenshots anew
#   ./bitlathe.sh qat-results [name] trains by every recipe qat_* (or those whose name matches), results into README.md
#   ./bitlathe.sh build              only builds (into build/release)
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

readonly build=build/release
readonly runtime_packages=(libtorch-dev libopenblas0-pthread libdnnl-dev qt6-base-dev qt6-svg-dev libqcustomplot-dev
  libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libsqlitecpp-dev libonnx-dev libprotobuf-dev
  libssl-dev zlib1g-dev libgoogle-perftools-dev libgl-dev libgloo-dev libglpk-dev dataset-fashion-mnist fonts-inter fonts-dejavu-core
  g++ cmake ninja-build ccache mold)
# The processors that exported C is run on.
readonly cortex_m_packages=(gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm)
readonly screenshot_packages=(xvfb openbox xauth)

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
fail() { printf 'bitlathe.sh: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo -n "$@" || sudo "$@"
  else fail "packages are missing ($missing); run as root, or install sudo, or install them yourself"
  fi
}

# install PACKAGE...: those that are not there yet, in one go, asking nothing.
install() {
  missing=
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=" $package"
  done
  [ -z "$missing" ] && return
  command -v apt-get >/dev/null || fail "this is no Debian system; install what stands in for:$missing"
  say "installing$missing"
  # shellcheck disable=SC2086  # a list of words on purpose
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -q -o Acquire::Retries=3 && apt-get install -y -q --no-install-recommends '"$missing" ||
    fail "apt-get could not install:$missing"
}

# Node.js is often there from elsewhere: Debian's packages only where it is not.
install_judges() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then install nodejs npm; fi
  local stamp=build/judges/package.json
  if ! cmp -s tests/reference/package.json "$stamp"; then
    say "installing ONNX Runtime, the judge of exported models"
    mkdir -p build/judges
    cp tests/reference/package.json build/judges/package.json.new
    (cd build/judges && mv package.json.new package.json &&
      npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error) ||
      { rm -f "$stamp"; fail "npm could not install ONNX Runtime (see above)"; }
  fi
}

build() {
  install "${runtime_packages[@]}"
  # Clones in other folders share what is compiled.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  # Two compilers of LibTorch's headers take 1.3 GB each.
  local jobs memory
  memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  jobs=$(nproc)
  [ "$memory" -lt "$jobs" ] && jobs=$((memory > 0 ? memory : 1))
  if [ ! -f $build/build.ninja ]; then
    say "configuring"
    mkdir -p build
    cmake --preset release >$build.log 2>&1 || { cat $build.log >&2; fail "configuring failed"; }
  fi
  say "building"
  ninja -C $build -j "$jobs"
}

has_display() { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

run_demo() {
  build
  say "the demo: MobileNetV1-0.25 on Fashion-MNIST, five configurations"
  $build/bin/bitlathe-cli run resources/recipes/demo.json "$@"
  if has_display; then
    say "opening the window on these results"
    exec $build/bin/bitlathe resources/recipes/demo.json "$@"
  fi
  say "no display here, so no window; look at the results with"
  echo "   $build/bin/bitlathe-cli runs list"
  echo "   $build/bin/bitlathe-cli runs show RUN"
  echo "   and on a desktop: $build/bin/bitlathe resources/recipes/demo.json"
}

run_tests() {
  build
  install "${cortex_m_packages[@]}"
  install_judges
  say "testing"
  export QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
  ctest --test-dir $build --output-on-failure --progress -j "$(nproc)" ${1:+-R "$1"}
}

emulate() {
  build
  install "${cortex_m_packages[@]}"
  say "exported C on emulated processors"
  QT_QPA_PLATFORM=offscreen $build/tests/bitlathe-emulate --readme README.md "$@"
}

screenshots() {
  build
  install "${screenshot_packages[@]}"
  say "drawing resources/screenshots"
  xvfb-run -a -s "-screen 0 1600x1000x24" sh -c \
    "openbox & manager=\$!; sleep 1; $build/bin/bitlathe resources/recipes/demo.json --log $build/screenshots.db \
      --screenshots resources/screenshots; kill \$manager"
}

# Minutes for each recipe: no part of the tests, which train shortened versions.
qat_results() {
  build
  install python3
  for recipe in resources/recipes/qat_*"${1:-}"*.json; do
    say "training: $recipe"
    OMP_WAIT_POLICY=passive python3 tools/qat_results.py $build/bin/bitlathe-cli "$recipe"
  done
  python3 tools/qat_results.py --write
}

# results_table FILE: the table of a run with variants "BITS per GRANULARITY, METHOD" as Markdown, one column a method.
results_table() {
  awk -F '  +' '
    { sub(/^ +/, "") }
    $1 ~ /^[0-9]+$/ && $2 == "float" { exact = $3 }
    $1 ~ /^[0-9]+$/ && $2 ~ /, / {
      split($2, part, ", ")
      if (!(part[1] in seenRow)) { seenRow[part[1]] = 1; rows[++nRows] = part[1] }
      if (!(part[2] in seenColumn)) { seenColumn[part[2]] = 1; columns[++nColumns] = part[2] }
      value[part[1], part[2]] = $3
    }
    END {
      printf "| float %s |", exact; for (c = 1; c <= nColumns; ++c) printf " %s |", columns[c]
      printf "\n|---|"; for (c = 1; c <= nColumns; ++c) printf "---|"; print ""
      for (r = 1; r <= nRows; ++r) {
        printf "| %s |", rows[r]
        for (c = 1; c <= nColumns; ++c) printf " %s |", (rows[r], columns[c]) in value ? value[rows[r], columns[c]] : "–"
        print ""
      }
    }' "$1"
}

results() {
  build
  local net out
  out=$(mktemp)
  for net in mobilenet_v1_025 resnet8; do
    say "measuring resources/recipes/results_$net.json"
    $build/bin/bitlathe-cli run resources/recipes/results_$net.json --log $build/results.db >"$build/results_$net.txt"
    { echo; echo "\`results_$net.json\`:"; echo; results_table "$build/results_$net.txt"; } >>"$out"
  done
  awk -v table="$out" '
    /<!-- results:end -->/ { inside = 0 }
    !inside { print }
    /<!-- results:begin -->/ { inside = 1; while ((getline line < table) > 0) print line; print "" }
  ' README.md >README.md.new && mv README.md.new README.md
  rm -f "$out"
  say "README.md holds the new tables"
}

case "${1:-}" in
  run) shift; run_demo "$@" ;;
  test) shift; run_tests "$@" ;;
  emulate) shift; emulate "$@" ;;
  results) results ;;
  screenshots) screenshots ;;
  qat-results) shift; qat_results "$@" ;;
  build) build ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
