package log

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// benchLog makes a log on the real disk.
func benchLog(b *testing.B) *Log {
	b.Chdir(b.TempDir())
	l, err := Open("bench-0", Options{Config: func() Config {
		c := DefaultConfig()
		c.SegmentBytes, c.RetentionBytes, c.RetentionAge = 64<<20, 128<<20, -1
		return c
	}()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Remove() })
	return l
}

func benchBatch(b *testing.B, n int) record.Batch {
	values := make([]string, n)
	for i := range values {
		values[i] = string(make([]byte, 100))
	}
	return batchOf(b, 1, values...)
}

func BenchmarkAppend(b *testing.B) {
	for _, records := range []int{1, 10, 100} {
		for _, group := range []int{1, 16} {
			b.Run(fmt.Sprintf("records=%d/group=%d", records, group), func(b *testing.B) {
				l := benchLog(b)
				entries := make([]Entry, group)
				for i := range entries {
					entries[i].Batch = benchBatch(b, records)
				}
				now := time.Now()
				b.SetBytes(int64(group * len(entries[0].Batch)))
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					for i := range entries {
						if err := record.Validate(entries[i].Batch, record.Limits{}); err != nil {
							b.Fatal(err)
						}
					}
					if err := l.Append(entries, 0, now); err != nil {
						b.Fatal(err)
					}
					if n++; n%1000 == 0 {
						if _, err := l.Retain(now, math.MaxInt64); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.N*records*group)/b.Elapsed().Seconds()/1e6, "Mrec/s")
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, from := range []string{"tail", "file"} {
		b.Run(from, func(b *testing.B) {
			l := benchLog(b)
			for range 1000 {
				appendOne(b, l, benchBatch(b, 100))
			}
			start := int64(0)
			if from == "tail" {
				start = l.EndOffset() - 4000
			}
			b.ReportAllocs()
			bytes := 0
			for b.Loop() {
				span, err := l.Read(start, 256<<10, true, math.MaxInt64)
				if err != nil || len(span.Bytes) == 0 {
					b.Fatal(err)
				}
				bytes = len(span.Bytes)
				span.Release()
			}
			b.SetBytes(int64(bytes))
		})
	}
}

// BenchmarkClean compacts 20 MB of records of 100 bytes, a tenth of which stay, in memory.
func BenchmarkClean(b *testing.B) {
	for _, codec := range []record.Compression{record.None, record.LZ4} {
		b.Run(codec.String(), func(b *testing.B) {
			const batches, records = 2000, 100
			batch := record.NewBuilder(codec)
			var read int64
			for b.Loop() {
				b.StopTimer()
				l, err := Open(testDir, Options{FS: vfs.NewMem(), Config: func() Config { c := DefaultConfig(); c.Compact = true; return c }()})
				if err != nil {
					b.Fatal(err)
				}
				for i := range batches {
					for j := range records {
						batch.Append(int64(i), fmt.Appendf(nil, "key-%08d", (i*records+j)%(batches*records/10)), make([]byte, 100), nil)
					}
					built, err := batch.Build(nil)
					if err != nil {
						b.Fatal(err)
					}
					appendOne(b, l, built)
				}
				if err := l.Roll(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				stats, err := l.Clean(b.Context(), CleanOptions{Now: testNow, HighWatermark: l.EndOffset()})
				if err != nil || stats.RecordsKept != batches*records/10 {
					b.Fatalf("%+v %v", stats, err)
				}
				read += stats.RecordsRead
				b.StopTimer()
				if err := l.Remove(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/rec")
		})
	}
}
