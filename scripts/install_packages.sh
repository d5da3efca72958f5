#!/usr/bin/env bash
# Installs the Debian (12 or later) packages that weft's build, tests and demo need.
# Does nothing, quickly and without root, when all of them are there.
set -euo pipefail

# ocl-icd-opencl-dev: the CMake package of libdnnl-dev looks for OpenCL, which Debian only recommends.
packages=(
  g++ cmake ninja-build pkg-config
  libdnnl-dev ocl-icd-opencl-dev libxsimd-dev libfmt-dev nlohmann-json3-dev
  doctest-dev libbenchmark-dev clang-format
  python3 python3-numpy python3-pip ca-certificates
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install_packages.sh: these packages are missing, and installing them needs root or sudo:" \
         "${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

echo "Installing Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1
}
# The package lists may be absent or too old on a fresh machine: one update, then once more.
install || {
  "${as_root[@]}" apt-get update -qq </dev/null >"$log" 2>&1 && install
} || {
  echo "install_packages.sh: apt-get failed:" >&2
  tail -n 20 "$log" >&2
  exit 1
}
