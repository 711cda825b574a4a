package kv

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open("kv", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func set(t *testing.T, s *Store, sync bool, pairs ...string) {
	t.Helper()
	b := s.NewBatch()
	defer b.Close()
	for i := 0; i < len(pairs); i += 2 {
		if err := b.Set([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(sync); err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer s.Close()
	set(t, s, false, "a/1", "x", "a/2", "y", "b/1", "z")
	snapshot := s.Snapshot()
	defer snapshot.Close()
	b := s.NewBatch()
	defer b.Close()
	_ = b.Delete([]byte("a/2"))
	_ = b.DeleteRange([]byte("b"), []byte("c"))
	if _, err := s.Get([]byte("a/2")); err != nil || b.Len() != 2 {
		t.Fatal("a batch shows before its commit")
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get([]byte("b/1")); !errors.Is(err, ErrNotFound) {
		t.Fatalf("deleted key: %v", err)
	}
	if v, err := snapshot.Get([]byte("b/1")); err != nil || string(v) != "z" {
		t.Fatalf("snapshot: %q %v", v, err)
	}
	it, err := snapshot.Iterator([]byte("a/"), PrefixEnd([]byte("a/")))
	if err != nil {
		t.Fatal(err)
	}
	var walked []string
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		if err != nil {
			t.Fatal(err)
		}
		walked = append(walked, string(it.Key())+"="+string(v))
	}
	if err := it.Close(); err != nil || fmt.Sprint(walked) != "[a/1=x a/2=y]" {
		t.Fatalf("%v %v", walked, err)
	}
	if end := PrefixEnd([]byte{1, 255}); !bytes.Equal(end, []byte{2}) || PrefixEnd([]byte{255}) != nil {
		t.Fatalf("prefix end %v", end)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if second, err := Open(dir, Options{}); err == nil {
		second.Close()
		t.Fatal("two stores on one directory")
	}
}

// fullDisk has no room.
type fullDisk struct{ vfs.FS }

func (fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: 1000}, nil
}

func TestFullDiskRefusesCommits(t *testing.T) {
	s := open(t, fullDisk{vfs.NewMem()})
	defer s.Close()
	b := s.NewBatch()
	defer b.Close()
	_ = b.Set([]byte("k"), []byte("v"))
	if err := b.Commit(true); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("%v", err)
	}
	if _, err := s.Get([]byte("k")); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v", err)
	}
}

func TestSyncedSurvivesPowerCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	defer s.Close()
	for i := range 20 {
		set(t, s, i%3 == 0, fmt.Sprint(i), "v")
		if i%3 != 0 {
			continue
		}
		after := open(t, vfs.Crash(fs, rng.IntN(101), rng))
		for j := range i + 1 {
			if _, err := after.Get([]byte(fmt.Sprint(j))); err != nil {
				t.Errorf("key %d after a sync at %d: %v", j, i, err)
			}
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
