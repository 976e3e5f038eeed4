package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"errata/deploy/local/folder"
	"errata/deploy/local/pause"
)

// draftName is the folder in a store's folder in which a backup of a running
// store lies until it is in its file. Hard links to parts are in it: it must be
// on the same file system.
const draftName = "backup"

// draft is one moment of a store that runs. While it is made, the database
// stands: its processes are stopped, as the kernel would have it at a kill -9,
// and go on afterwards. The edge takes events all the time.
//
// Edge, broker and consumer go on, so the order is what makes it one moment. The
// database stands before the consumer's offsets are copied: they are at most as
// far as the tables, and where they are behind, by a block that was stored and not
// committed, the block is announced in them and the tables know its token. The
// log is linked before the offsets, so that what they point at is in it even if
// it is trimmed meanwhile, and again after them, so that it ends after all that
// they name. The spool goes before the log: what moves from one to the other
// is in both, as after a kill at that point.
type draft struct {
	data, dir string
	lock      *os.File
	sizes     map[string]int64 // Of files that are linked and may grow, by their name.
	held      time.Duration
}

// errChanged says that the store began or ended just now.
var errChanged = errors.New("its store is starting or ending, or its database is started again: try again in a moment")

// database is the process group of the store's database.
func database(data string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(data, "addresses.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errChanged
	}
	var a struct {
		Pids map[string]int
		Data string
	}
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot read the addresses of the store: %w", err)
	}
	// The file may be of a life before: another process may have that id now.
	pid := a.Pids["clickhouse"]
	if command, err := pause.Command(pid); pid < 2 || err != nil || !strings.Contains(command, filepath.Join(a.Data, "clickhouse")) {
		return 0, errChanged
	}
	lock, err := folder.Lock(filepath.Join(data, "clickhouse"), 0)
	if err == nil {
		_ = lock.Close()
		return 0, errChanged
	}
	return pid, nil
}

// take makes a draft of a running store. Its close removes it.
func take(ctx context.Context, data string, helper []string) (_ *draft, err error) {
	if len(helper) == 0 {
		return nil, fmt.Errorf("cannot back up %s while its store runs: stop it with Ctrl-C, then try again", data)
	}
	d := &draft{data: data, dir: filepath.Join(data, draftName), sizes: map[string]int64{}}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make a folder for the backup: %w", err)
	}
	if d.lock, err = folder.Lock(d.dir, 0); err != nil {
		if errors.Is(err, folder.ErrInUse) {
			return nil, fmt.Errorf("cannot back up %s: another backup of it is being made", data)
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := d.empty(); err != nil { // Of a backup that was killed.
		return nil, err
	}
	group, err := database(data)
	if err != nil {
		return nil, fmt.Errorf("cannot back up %s: %w", data, err)
	}
	p, err := pause.Start(ctx, helper, group)
	if err != nil {
		return nil, fmt.Errorf("cannot back up %s: %w", data, err)
	}
	err = d.copy(ctx)
	d.held = p.Held()
	if err = errors.Join(err, p.End()); err != nil {
		return nil, fmt.Errorf("cannot back up %s: %w", data, err)
	}
	return d, nil
}

func (d *draft) close() {
	_ = d.empty()
	_ = d.lock.Close()
}

// empty removes what is in the draft's folder; the lock stays, for somebody may
// wait for it.
func (d *draft) empty() error {
	all, err := os.ReadDir(d.dir)
	for _, e := range all {
		if e.Name() != "lock" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(d.dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("cannot remove what another backup left: %w", err)
	}
	return nil
}

// Sweep removes what a backup left that was killed: links that keep the space of
// parts which their tables have let go. One that is being made keeps what it has.
func Sweep(data string) error {
	d := draft{dir: filepath.Join(data, draftName)}
	if _, err := os.Stat(d.dir); err != nil {
		return gone(err)
	}
	var err error
	if d.lock, err = folder.Lock(d.dir, 0); errors.Is(err, folder.ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(d.empty(), d.lock.Close())
}

// copy takes everything but attachments, which are written before the records
// that name them, and never change.
func (d *draft) copy(ctx context.Context) error {
	log := filepath.Join("broker", "partitions")
	for _, step := range []func() error{
		func() error { return d.tree(ctx, "spool", d.grown) },
		func() error { return d.tree(ctx, log, d.grown) },
		func() error { return gone(d.whole(filepath.Join("broker", "groups.log"))) },
		func() error { return d.tree(ctx, log, d.grown) },
		// Of spool and log, what has come meanwhile may follow what was not taken.
		func() error { return d.tree(ctx, ".", d.rest, draftName, "blobs", "spool", log) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tree visits the files below a folder, but for those of some others. What goes
// meanwhile, such as a segment that was read, is not there.
func (d *draft) tree(ctx context.Context, name string, take func(string, fs.DirEntry) error, but ...string) error {
	return filepath.WalkDir(filepath.Join(d.data, name), func(path string, e fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return gone(err)
		}
		name, err := filepath.Rel(d.data, path)
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case e.IsDir() && (left(name, e) || slices.Contains(but, name) || strings.HasPrefix(e.Name(), "tmp_") || strings.HasPrefix(e.Name(), "delete_tmp_")):
			return fs.SkipDir
		case e.IsDir():
			return os.MkdirAll(filepath.Join(d.dir, name), 0o700)
		case left(name, e):
			return nil
		}
		return gone(take(name, e))
	})
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// grown takes what a file that only grows has now. Asked again, it takes what has
// come meanwhile.
func (d *draft) grown(name string, _ fs.DirEntry) error {
	if filepath.Base(name) == "cursor" { // Of the spool, and replaced.
		return d.whole(name)
	}
	if err := d.link(name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(filepath.Join(d.dir, name))
	if err == nil {
		d.sizes[name] = info.Size()
	}
	return err
}

func (d *draft) link(name string) error {
	return os.Link(filepath.Join(d.data, name), filepath.Join(d.dir, name))
}

// whole copies a file.
func (d *draft) whole(name string) error {
	in, err := os.Open(filepath.Join(d.data, name))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	to := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// rest takes what is not there yet. Files of parts never change and are many.
func (d *draft) rest(name string, e fs.DirEntry) error {
	if ofPart(name) {
		return d.link(name)
	}
	if _, err := os.Lstat(filepath.Join(d.dir, name)); err == nil {
		return nil
	}
	if e.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(filepath.Join(d.data, name))
		if err != nil {
			return err
		}
		return os.Symlink(target, filepath.Join(d.dir, name))
	}
	return d.whole(name)
}

// ofPart says whether a file is one of a part: clickhouse/data/store/abc/UUID/PART/...
// Of a table's own folders only the one of its tokens is written to.
func ofPart(name string) bool {
	l := strings.Split(filepath.ToSlash(name), "/")
	return len(l) > 6 && l[0] == "clickhouse" && l[2] == "store" && l[5] != "deduplication_logs"
}
