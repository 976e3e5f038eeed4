package directory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fakeSource struct {
	mu    sync.Mutex
	l     Listing
	err   error
	loads atomic.Int64
}

func (f *fakeSource) Load(context.Context) (Listing, error) {
	f.loads.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.l, f.err
}

func (f *fakeSource) set(l Listing, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.l, f.err = l, err
}

func listing(keys ...string) Listing {
	l := Listing{Projects: []schema.Project{
		{ID: 1, Slug: "default", OTLPDefault: true}, {ID: 2, Slug: "off", Disabled: true},
	}}
	for _, k := range keys {
		l.Keys = append(l.Keys, schema.Key{ProjectID: 1, Public: k})
	}
	return l
}

func key(n int) string { return fmt.Sprintf("%032x", n) }

func TestLookups(t *testing.T) {
	src := &fakeSource{l: listing(key(1))}
	src.l.Keys = append(src.l.Keys, schema.Key{ProjectID: 1, Public: key(3), Disabled: true}, schema.Key{ProjectID: 2, Public: key(4)})
	d := Open(Config{Source: src, Every: time.Hour})
	defer d.Close()
	require.Eventually(t, d.Loaded, 10*time.Second, time.Millisecond)
	e, err := d.ByKey(t.Context(), key(1))
	require.NoError(t, err)
	require.EqualValues(t, 1, e.Project.ID)
	for name, k := range map[string]string{"unknown": key(9), "disabled key": key(3), "disabled project": key(4)} {
		_, err = d.ByKey(t.Context(), k)
		require.ErrorIs(t, err, ErrUnknown, name)
		off, ok := errors.AsType[*Disabled](err)
		require.Equal(t, name != "unknown", ok, name)
		if ok {
			require.Equal(t, name == "disabled key", off.Key, name)
			require.NotEmpty(t, off.Error())
		}
	}
	p, err := d.OTLPDefault()
	require.NoError(t, err)
	require.Equal(t, "default", p.Slug)
	_, err = d.ByID(2)
	require.ErrorIs(t, err, ErrUnknown)
}

func TestNewKeyWorksWithinASecondAndWrongKeysAreCheap(t *testing.T) {
	src := &fakeSource{l: listing(key(1))}
	d := Open(Config{Source: src, Every: time.Hour, Missing: 100 * time.Millisecond})
	defer d.Close()
	require.Eventually(t, d.Loaded, 10*time.Second, time.Millisecond)
	src.set(listing(key(1), key(2)), nil)
	require.Eventually(t, func() bool {
		_, err := d.ByKey(t.Context(), key(2))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	before := src.loads.Load()
	start := time.Now()
	for i := range 2000 {
		_, err := d.ByKey(t.Context(), key(1000+i))
		require.ErrorIs(t, err, ErrUnknown)
	}
	allowed := int64(time.Since(start)/(100*time.Millisecond)) + 2
	require.LessOrEqual(t, src.loads.Load()-before, allowed, "a flood of wrong keys does not reach the source")
}

func TestRunsFromTheFileWhileTheSourceIsAway(t *testing.T) {
	file := filepath.Join(t.TempDir(), "projects.json")
	src := &fakeSource{l: listing(key(1))}
	d := Open(Config{Source: src, File: file, Every: time.Hour})
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, 10*time.Second, time.Millisecond)
	d.Close()
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	away := &fakeSource{err: errors.New("connection refused")}
	d = Open(Config{Source: away, File: file, Every: time.Hour})
	defer d.Close()
	_, err = d.ByKey(t.Context(), key(1))
	require.NoError(t, err)
	require.True(t, d.Refreshed().IsZero())

	empty := Open(Config{Source: away, Every: time.Hour})
	defer empty.Close()
	_, err = empty.ByKey(t.Context(), key(1))
	require.ErrorIs(t, err, ErrNotLoaded)
}

func TestBadSettingsDoNotStopAProject(t *testing.T) {
	l := listing(key(1))
	l.Projects[0].Settings = `{"quotas":[{"limit":1,"window_seconds":0}]}`
	l.Keys[0].Settings = `nonsense`
	d := Open(Config{Source: &fakeSource{l: l}, Every: time.Hour})
	defer d.Close()
	require.Eventually(t, d.Loaded, 10*time.Second, time.Millisecond)
	e, err := d.ByKey(t.Context(), key(1))
	require.NoError(t, err)
	require.NotNil(t, e.Project.Settings)
}
