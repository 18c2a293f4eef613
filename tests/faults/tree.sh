# A copy of the tree `$root` in `$copy/tree`, as the scripts of this folder plant faults in.
mkdir -p "$copy/tree"
clean() {
    # What is tracked and what is new; equal files keep their times, so that Cargo builds again
    # only what a fault changes.
    (cd "$root" && git ls-files -co --exclude-standard) | while read -r file; do
        [ -f "$root/$file" ] || continue
        cmp -s "$root/$file" "$copy/tree/$file" && continue
        mkdir -p "$copy/tree/$(dirname "$file")"
        cp "$root/$file" "$copy/tree/$file"
    done
}
