package clickhouse

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// LibraryEnv names the variable that points at libchdb.so.
const LibraryEnv = "LIBCHDB"

// FindLibrary looks for the embedded engine: in LIBCHDB, then as make fetches
// it (.cache/chdb) in the folders given and in those above the working
// directory and the executable, then directly in the folders given.
func FindLibrary(folders ...string) (string, error) {
	if path := os.Getenv(LibraryEnv); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("cannot use %s: %w", LibraryEnv, err)
		}
		return path, nil
	}
	npm, err := npmPackage(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	fetched := filepath.Join(".cache", "chdb", "node_modules", "@chdb", npm, "libchdb.so")
	var candidates []string
	starts := folders
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			candidates = append(candidates, filepath.Join(dir, fetched))
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	for _, folder := range folders {
		candidates = append(candidates, filepath.Join(folder, "libchdb.so"))
	}
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && info.Mode().IsRegular() {
			return filepath.Abs(c)
		}
	}
	return "", fmt.Errorf("cannot find the embedded ClickHouse (libchdb.so): run `make clickhouse` in the repository, "+
		"set %s to the file, or use --clickhouse-binary", LibraryEnv)
}

func npmPackage(goos, goarch string) (string, error) {
	names := map[string]string{
		"linux/amd64": "lib-linux-x64-gnu", "linux/arm64": "lib-linux-arm64-gnu",
		"darwin/amd64": "lib-darwin-x64", "darwin/arm64": "lib-darwin-arm64",
	}
	if name, ok := names[goos+"/"+goarch]; ok {
		return name, nil
	}
	return "", fmt.Errorf("cannot run the embedded ClickHouse on %s/%s: use --clickhouse-binary", goos, goarch)
}
