package replica

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/vfs"
)

var partitionsFlag = flag.Int("partitions", 100, "partitions of TestManyPartitions, on a real disk")

// openFilesMax is how many files the partitions of a node that nobody uses may hold open.
const openFilesMax = 64

// TestManyPartitions opens partitions with some data after a clean end and after a kill. With -partitions 10000 -v it tells what that
// takes: the goal is two seconds and 500 MB.
func TestManyPartitions(t *testing.T) {
	t.Chdir(t.TempDir())
	n := *partitionsFlag
	if err := os.Mkdir("topics", 0o755); err != nil {
		t.Fatal(err)
	}
	img, delta := manyPartitions(t, n)
	m, stop := startMany(t, img, delta, false)
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(256)
	for _, p := range m.Partitions() {
		g.Go(func() error {
			answer := make(chan Appended, 1)
			p.Append(batch(t, "some", "data", string(bytes.Repeat([]byte("x"), 1000))), AppendOptions{Acks: AcksAll, Origin: log.FromClient}, func(a Appended) { answer <- a })
			return (<-answer).Err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d partitions written in %v", n, time.Since(began))
	began = time.Now()
	if clean, err := m.Close(); err != nil || !clean {
		t.Fatal(clean, err)
	}
	stop()
	t.Logf("closed in %v", time.Since(began))
	for _, clean := range []bool{true, false} {
		runtime.GC()
		goroutines := runtime.NumGoroutine()
		began := time.Now()
		m, stop := startMany(t, img, delta, clean)
		m.Warm(context.Background())
		took := time.Since(began)
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		open := 0
		for _, p := range m.Partitions() {
			l := p.log.Load()
			if l == nil || l.EndOffset() != 3 {
				t.Fatal("partition not opened, or not whole")
			}
			open++
		}
		files, _ := filepath.Glob("/proc/self/fd/*")
		if extra := runtime.NumGoroutine() - goroutines; extra > 10 {
			t.Errorf("%d goroutines for %d idle partitions", extra, n)
		}
		if len(files) > openFilesMax {
			t.Errorf("%d files open for %d idle partitions", len(files), n)
		}
		t.Logf("clean %v: %d opened in %v, heap %d MB in use, %d MB from the system, %d files", clean, open, took, mem.HeapInuse>>20, mem.Sys>>20, len(files))
		if clean { // as after a kill: nothing is written at the end
			stop()
			continue
		}
		if _, err := m.Close(); err != nil {
			t.Error(err)
		}
		stop()
	}
}

func manyPartitions(t *testing.T, n int) (*metadata.Image, *metadata.Delta) {
	t.Helper()
	id := metadata.UUID{0: 1, 15: 1}
	records := []metadata.Record{metadata.TopicRecord{ID: id, Name: "many"}}
	for i := range n {
		records = append(records, metadata.PartitionRecord{TopicID: id, Index: int32(i), Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}})
	}
	img, delta, err := metadata.Replay(&metadata.Image{}, 1, records)
	if err != nil {
		t.Fatal(err)
	}
	return img, delta
}

func startMany(t *testing.T, img *metadata.Image, delta *metadata.Delta, clean bool) (m *Manager, stop func()) {
	t.Helper()
	m, err := NewManager(Options{NodeID: 1, FS: vfs.Default(), Dir: "topics", Clean: clean}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	m.ApplyImage(img, delta)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return m, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
