set -eu
url=$1 revision=$2 folder=$3
case $revision in
-* | *:*)
  echo "$0: '$revision' is not a valid revision; use a branch, a tag, a commit or refs/..." >&2
  exit 64
  ;;
esac
export GIT_TERMINAL_PROMPT=0
# The directory may be a volume with another owner.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
# ssh takes the home directory from /etc/passwd, which may have no entry for the user.
if [ -f "$HOME/.ssh/config" ]; then
  export GIT_SSH_COMMAND="ssh -F $HOME/.ssh/config -o UserKnownHostsFile=$HOME/.ssh/known_hosts"
fi
git -c init.defaultBranch=main init -q -- "$folder"
cd -- "$folder"
git remote add -- origin "$url"
if git fetch -q --depth=1 -- origin "${revision:-HEAD}"; then
  git checkout -q --detach FETCH_HEAD
else
  # The revision may be an abbreviated commit hash, or a commit that the server does not allow to be fetched directly.
  echo "$0: fetching all branches and tags to find '$revision'" >&2
  git fetch -q --tags -- origin '+refs/heads/*:refs/remotes/origin/*'
  git checkout -q --detach "$revision" -- || git checkout -q --detach "origin/$revision" --
fi
if [ -f .gitmodules ]; then
  # If the recorded commit cannot be fetched directly, fetch the whole history of the branches.
  git submodule -q update --init --recursive --depth=1 || git submodule -q update --init --recursive
fi
git --no-pager log -1 --format="$0: %H %s" >&2
