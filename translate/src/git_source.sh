set -eu
url=$1 revision=$2 folder=$3
case $revision in
-* | *:*)
  echo "$0: '$revision' is no revision; give a branch, a tag, a commit or refs/..." >&2
  exit 64
  ;;
esac
export GIT_TERMINAL_PROMPT=0
# The folder may be a volume, which belongs to somebody else.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
# ssh looks for its files in the home that /etc/passwd says, and a user without an entry has none.
if [ -f "$HOME/.ssh/config" ]; then
  export GIT_SSH_COMMAND="ssh -F $HOME/.ssh/config -o UserKnownHostsFile=$HOME/.ssh/known_hosts"
fi
git -c init.defaultBranch=main init -q -- "$folder"
cd -- "$folder"
git remote add -- origin "$url"
if git fetch -q --depth=1 -- origin "${revision:-HEAD}"; then
  git checkout -q --detach FETCH_HEAD
else
  # No name, then: the beginning of a commit's hash, or a commit that the server does not hand out by itself.
  echo "$0: fetching everything, to look for '$revision' in it" >&2
  git fetch -q --tags -- origin '+refs/heads/*:refs/remotes/origin/*'
  git checkout -q --detach "$revision" -- || git checkout -q --detach "origin/$revision" --
fi
if [ -f .gitmodules ]; then
  # A server that does not hand out the recorded commit by itself has it in the history of a branch.
  git submodule -q update --init --recursive --depth=1 || git submodule -q update --init --recursive
fi
git --no-pager log -1 --format="$0: %H %s" >&2
