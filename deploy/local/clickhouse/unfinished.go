package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// forgetUnfinished removes from the deduplication logs of all tables below dir
// the blocks whose part is not there. A MergeTree notes a block's token before
// it gives the part its name: a server killed between the two knows the token
// of rows that it does not have, and drops them when they are sent again. It
// must run while no server does. It returns how many blocks it removed.
//
// A block whose part was dropped with its old partition is removed too; nobody
// sends such a block again.
func forgetUnfinished(dir string) (int, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "store", "*", "*", "deduplication_logs"))
	if err != nil {
		return 0, fmt.Errorf("cannot look for deduplication logs: %w", err)
	}
	removed := 0
	for _, l := range logs {
		parts, err := partsIn(filepath.Dir(l))
		if err != nil {
			return removed, err
		}
		files, err := os.ReadDir(l)
		if err != nil {
			return removed, fmt.Errorf("cannot read the deduplication logs: %w", err)
		}
		for _, f := range files {
			n, err := parts.prune(filepath.Join(l, f.Name()))
			if err != nil {
				return removed, err
			}
			removed += n
		}
	}
	return removed, nil
}

// blockRange is what a part covers: blocks min to max.
type blockRange struct{ min, max int64 }

// partRanges are the parts of a table by partition.
type partRanges map[string][]blockRange

func partsIn(table string) (partRanges, error) {
	entries, err := os.ReadDir(table)
	if err != nil {
		return nil, fmt.Errorf("cannot read the folder of a table: %w", err)
	}
	parts := partRanges{}
	for _, e := range entries {
		if partition, r, ok := parsePart(e.Name()); ok && e.IsDir() {
			parts[partition] = append(parts[partition], r)
		}
	}
	return parts, nil
}

// parsePart reads partition_min_max_level with an optional _mutation.
func parsePart(name string) (partition string, r blockRange, ok bool) {
	f := strings.Split(name, "_")
	if len(f) != 4 && len(f) != 5 {
		return "", r, false
	}
	var err [3]error
	r.min, err[0] = strconv.ParseInt(f[1], 10, 64)
	r.max, err[1] = strconv.ParseInt(f[2], 10, 64)
	_, err[2] = strconv.ParseUint(f[3], 10, 32)
	return f[0], r, errors.Join(err[:]...) == nil
}

func (p partRanges) has(name string) bool {
	partition, r, ok := parsePart(name)
	if !ok {
		return true // Not a name that this build knows: leave it alone.
	}
	for _, x := range p[partition] {
		if x.min <= r.min && r.max <= x.max {
			return true
		}
	}
	return false
}

// prune writes the file again without the blocks whose part is missing. A line
// is operation, part and block, with tabs between; operation 1 adds.
func (p partRanges) prune(file string) (int, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("cannot read a deduplication log: %w", err)
	}
	kept, removed := make([]byte, 0, len(raw)), 0
	for line := range bytes.Lines(raw) {
		f := strings.Split(strings.TrimSuffix(string(line), "\n"), "\t")
		torn := line[len(line)-1] != '\n'
		if torn || len(f) == 3 && f[0] == "1" && !p.has(f[1]) {
			removed++
			continue
		}
		kept = append(kept, line...)
	}
	if removed == 0 {
		return 0, nil
	}
	mode := fs.FileMode(0o640)
	if st, err := os.Stat(file); err == nil {
		mode = st.Mode()
	}
	temp := file + ".errata"
	if err := os.WriteFile(temp, kept, mode); err != nil {
		return 0, fmt.Errorf("cannot write a deduplication log: %w", err)
	}
	if err := os.Rename(temp, file); err != nil {
		return 0, fmt.Errorf("cannot replace a deduplication log: %w", err)
	}
	return removed, nil
}
