package log

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

var dumpFlag = flag.String("dump", "", "an existing directory where TestDumpSample leaves two partitions for Kafka's dump tool")

// TestDumpSample writes a partition with every codec, idempotent producers and transactions, and the same compacted; with -dump they are
// left for tests/kafka/judges/dumplog.sh.
func TestDumpSample(t *testing.T) {
	root := *dumpFlag
	if root == "" {
		root = t.TempDir()
	}
	fs := vfs.Default()
	for _, name := range []string{"written-0", "compacted-0"} {
		dir := filepath.Join(root, name)
		opts := Options{FS: fs, Config: DefaultConfig(), TopicID: [16]byte{7}}
		opts.Config.SegmentBytes, opts.Config.IndexInterval, opts.Config.Compact = 60_000, 500, true
		l, err := Open(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		writeSample(t, l)
		if name == "compacted-0" {
			for pass := range 3 { // the third finds markers without data and tombstones that had their time
				roll(t, l)
				now := testNow.AddDate(0, 0, 3*pass)
				if stats := cleanNow(t, l, now, 0); stats.RecordsRead > 0 && stats.BytesWritten == 0 {
					t.Fatalf("%+v", stats)
				}
				appendOne(t, l, keyed(t, testNow.UnixMilli(), record.None, 10, "late"))
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) < 5 {
			t.Fatal(entries, err)
		}
	}
}

// writeSample appends a few hundred batches of all kinds.
func writeSample(t *testing.T, l *Log) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 3))
	sequence, open := map[int64]int32{}, map[int64]bool{}
	for i := range 800 {
		id := int64(rng.IntN(6)) // 1 and 2 idempotent, 3 to 5 transactional
		if open[id] && rng.IntN(3) == 0 {
			marker := record.AppendMarker(nil, id, 0, testNow.UnixMilli()+int64(i), record.Marker{Commit: rng.IntN(3) > 0})
			if _, err := tryAppend(l, marker, FromCoordinator); err != nil {
				t.Fatal(err)
			}
			open[id] = false
			continue
		}
		b := record.NewBuilder(record.Compression(rng.IntN(5)))
		for range 1 + rng.IntN(5) {
			var value []byte
			if rng.IntN(5) > 0 {
				value = bytes.Repeat([]byte{'v'}, rng.IntN(400))
			}
			b.Append(testNow.UnixMilli()+int64(i)-rng.Int64N(100), fmt.Append(nil, "key", rng.IntN(100)), value, []record.Header{{Key: []byte("h"), Value: []byte("x")}})
		}
		batch, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		if id > 0 {
			batch.SetProducer(id, 0, sequence[id], id >= 3)
			sequence[id] += batch.Count()
			open[id] = id >= 3
		}
		appendOne(t, l, batch)
	}
	for id := range open {
		if open[id] {
			if _, err := tryAppend(l, record.AppendMarker(nil, id, 0, testNow.UnixMilli(), record.Marker{}), FromCoordinator); err != nil {
				t.Fatal(err)
			}
		}
	}
}
