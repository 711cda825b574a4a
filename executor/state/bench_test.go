package state

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// benchChunks are chunks of uniform BIGINT keys.
func benchChunks(keys int) [][]*vector.Vector {
	rnd := rand.New(rand.NewSource(1))
	out := make([][]*vector.Vector, 256)
	for i := range out {
		v := vector.New(types.Of(types.BigInt), vector.MaxRows)
		for range vector.MaxRows {
			v.AppendInt(int64(rnd.Intn(keys)))
		}
		out[i] = []*vector.Vector{v}
	}
	return out
}

func allRows() []uint16 {
	rows := make([]uint16, vector.MaxRows)
	for i := range rows {
		rows[i] = uint16(i)
	}
	return rows
}

// BenchmarkProbe counts by key: encode, probe, undo list, a commit every 64 chunks. ns/row is the figure.
func BenchmarkProbe(b *testing.B) {
	for _, keys := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			s := NewStore(Options{})
			defer s.Close()
			t, _ := s.Table(Layout{Name: "t", KeyTypes: []types.Type{types.Of(types.BigInt)}, ValueWords: 2, WindowKey: -1})
			chunks, rows := benchChunks(keys), allRows()
			var k Keys
			add := func(p *Part) error {
				for _, slot := range p.Slots {
					p.Words[int(slot)*p.Stride+p.Offset]++
				}
				return nil
			}
			n, epoch := 0, uint64(0)
			b.ReportAllocs()
			began := cpuTime()
			for b.Loop() {
				t.Encode(&k, chunks[n%len(chunks)], rows)
				if err := t.Probe(&k, add); err != nil {
					b.Fatal(err)
				}
				if n++; n%64 == 0 {
					epoch++
					_ = s.DirtyInto(epoch, nil)
					s.Committed(epoch, nil)
				}
			}
			b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/vector.MaxRows, "ns/row")
		})
	}
}

type discardLog struct{ bytes int }

func (d *discardLog) Write(_ int32, key, value []byte) error {
	d.bytes += len(key) + len(value)
	return nil
}

// BenchmarkDirtyInto is the price of a dirty key at a barrier: touch, changelog record, drop.
func BenchmarkDirtyInto(b *testing.B) {
	s := NewStore(Options{})
	defer s.Close()
	t, _ := s.Table(Layout{Name: "t", KeyTypes: []types.Type{types.Of(types.BigInt)}, ValueWords: 4, WindowKey: -1})
	v := vector.New(types.Of(types.BigInt), vector.MaxRows)
	for i := range vector.MaxRows {
		v.AppendInt(int64(i))
	}
	cols, rows := []*vector.Vector{v}, allRows()
	var k Keys
	log := &discardLog{}
	epoch := uint64(0)
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		t.Encode(&k, cols, rows)
		_ = t.Probe(&k, func(*Part) error { return nil })
		epoch++
		_ = s.DirtyInto(epoch, log)
		s.Committed(epoch, nil)
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/vector.MaxRows, "ns/key")
}

// BenchmarkGet is a committed point read of a view: pin, get two columns, release.
func BenchmarkGet(b *testing.B) {
	s := NewStore(Options{})
	defer s.Close()
	rows := accounts(b, s)
	fillAccounts(b, s, rows, 100_000)
	rnd := rand.New(rand.NewSource(1))
	out := &vector.Chunk{Cols: []*vector.Vector{vector.New(types.Of(types.String), 1), vector.New(types.Of(types.BigInt), 1)}}
	key := []vector.Datum{vector.IntOf(0)}
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		key[0].I = int64(rnd.Intn(100_000))
		for _, v := range out.Cols {
			v.Truncate()
		}
		out.Time = out.Time[:0]
		snap := s.Pin()
		if ok, err := snap.Get(rows, key, []int{1, 2}, out); !ok || err != nil {
			b.Fatal(ok, err)
		}
		snap.Release()
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/op")
}

func fillAccounts(b *testing.B, s *Store, rows *RowTable, n int) {
	var k Keys
	for i := 0; i < n; i += 1000 {
		ids := make([]int64, 1000)
		for j := range ids {
			ids[j] = int64(i + j)
		}
		if err := put(rows, &k, ids, ids); err != nil {
			b.Fatal(err)
		}
	}
	_ = s.DirtyInto(1, nil)
	s.Committed(1, nil)
}

// BenchmarkDumpLoad is a restart: ns a key to write a dump and to read it.
func BenchmarkDumpLoad(b *testing.B) {
	const keys = 100_000
	make1 := func() (*Store, *RowTable) {
		s := NewStore(Options{})
		return s, accounts(b, s)
	}
	s, rows := make1()
	defer s.Close()
	fillAccounts(b, s, rows, keys)
	var dump bytes.Buffer
	_ = s.Dump(&dump)
	b.Run("dump", func(b *testing.B) {
		began := cpuTime()
		for b.Loop() {
			_ = s.Dump(io.Discard)
		}
		b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/keys, "ns/key")
	})
	b.Run("load", func(b *testing.B) {
		began := cpuTime()
		for b.Loop() {
			back, _ := make1()
			if _, err := back.Load(bytes.NewReader(dump.Bytes())); err != nil {
				b.Fatal(err)
			}
			back.Close()
		}
		b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/keys, "ns/key")
	})
}

// cpuTime is the CPU time of the process, user and system, in ns: what counts on a shared machine.
func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
