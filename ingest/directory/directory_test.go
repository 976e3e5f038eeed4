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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"errata/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fakeSource struct {
	mu    sync.Mutex
	l     Listing
	err   error
	held  func() // Called between reading and giving.
	loads atomic.Int64
}

func (f *fakeSource) Load(context.Context) (Listing, error) {
	f.loads.Add(1)
	f.mu.Lock()
	l, err, held := f.l, f.err, f.held
	f.mu.Unlock()
	if held != nil {
		held()
	}
	return l, err
}

func (f *fakeSource) hold(held func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = held
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
	var floods sync.WaitGroup
	for at := range 2 * maxWaiters {
		floods.Go(func() {
			for range 50 {
				_, err := d.ByKey(t.Context(), key(1000+at))
				assert.ErrorIs(t, err, ErrUnknown)
			}
		})
	}
	floods.Wait()
	allowed := int64(time.Since(start)/(100*time.Millisecond)) + 2
	require.LessOrEqual(t, src.loads.Load()-before, allowed, "a flood of wrong keys does not reach the source")
}

// TestNewKeyWorksAtOnce is a project that is created a moment after the listing was
// read, or while it is read, and an application that starts at once.
func TestNewKeyWorksAtOnce(t *testing.T) {
	src := &fakeSource{l: listing(key(1))}
	d := Open(Config{Source: src, Every: time.Hour, Waiting: time.Minute})
	defer d.Close()
	require.Eventually(t, d.Loaded, 10*time.Second, time.Millisecond)
	src.set(listing(key(1), key(2)), nil)
	_, err := d.ByKey(t.Context(), key(2))
	require.NoError(t, err, "a moment after a listing")

	gate, reading := make(chan struct{}), make(chan struct{}, 1)
	src.hold(func() { reading <- struct{}{}; <-gate })
	var others sync.WaitGroup
	others.Go(func() {
		_, err := d.ByKey(t.Context(), key(9))
		assert.ErrorIs(t, err, ErrUnknown)
	})
	<-reading // It has what was there before, and gives it later.
	src.hold(nil)
	src.set(listing(key(1), key(2), key(3)), nil)
	others.Go(func() {
		_, err := d.ByKey(t.Context(), key(3))
		assert.NoError(t, err, "while a listing is read")
	})
	time.AfterFunc(20*time.Millisecond, func() { close(gate) })
	others.Wait()
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
