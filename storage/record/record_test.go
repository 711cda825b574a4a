package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
)

var codecs = []Compression{None, Gzip, Snappy, LZ4, Zstd}

// buildSample makes a batch of n records with every kind of field; key i%3: null, empty, text.
func buildSample(t testing.TB, c Compression, n int) Batch {
	t.Helper()
	b := NewBuilder(c)
	for i := range n {
		var key []byte
		switch i % 3 {
		case 1:
			key = []byte{}
		case 2:
			key = fmt.Appendf(nil, "key-%d", i)
		}
		var headers []Header
		if i%2 == 1 {
			headers = []Header{{Key: []byte("h"), Value: nil}, {Key: []byte("trace"), Value: []byte("x")}}
		}
		b.Append(int64(1000+i*7%50), key, []byte(strings.Repeat("v", i%200)), headers)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestRoundTrip(t *testing.T) {
	var dec Decompressor
	for _, c := range codecs {
		for _, n := range []int{1, 2, 100, 3000} {
			t.Run(fmt.Sprintf("%s/%d", c, n), func(t *testing.T) {
				batch := buildSample(t, c, n)
				if err := Validate(batch, Limits{}); err != nil {
					t.Fatal(err)
				}
				batch.SetBaseOffset(500)
				if batch.Compression() != c || int(batch.Count()) != n || batch.NextOffset() != int64(500+n) {
					t.Fatalf("header: %s %d %d", batch.Compression(), batch.Count(), batch.NextOffset())
				}
				var columns Columns
				if err := AppendColumns(batch, &dec, &columns); err != nil {
					t.Fatal(err)
				}
				it, err := Records(batch, &dec)
				if err != nil {
					t.Fatal(err)
				}
				var r Record
				for i := range n {
					if !it.Next(&r) {
						t.Fatalf("record %d: %v", i, it.Err())
					}
					checkRecord(t, batch, &columns, &r, i)
				}
				if it.Next(&r) || it.Err() != nil {
					t.Fatalf("after the last: %v", it.Err())
				}
			})
		}
	}
}

func checkRecord(t *testing.T, batch Batch, columns *Columns, r *Record, i int) {
	t.Helper()
	if (r.Key == nil) != (i%3 == 0) || (i%3 == 1 && len(r.Key) != 0) {
		t.Fatalf("record %d: key %v", i, r.Key)
	}
	if len(r.Value) != i%200 || r.Value == nil {
		t.Fatalf("record %d: value %q", i, r.Value)
	}
	if got, want := batch.TimestampOf(r), int64(1000+i*7%50); got != want || columns.Timestamps[i] != want {
		t.Fatalf("record %d: timestamp %d, column %d, want %d", i, got, columns.Timestamps[i], want)
	}
	headers, err := r.AppendHeaders(nil)
	if err != nil || len(headers) != 2*(i%2) || (i%2 == 1 && (headers[0].Value != nil || string(headers[1].Key) != "trace")) {
		t.Fatalf("record %d: headers %v %v", i, headers, err)
	}
	if columns.Offsets[i] != int64(500+i) {
		t.Fatalf("record %d: offset %d", i, columns.Offsets[i])
	}
	if want := len(r.Key); r.Key == nil && columns.KeyLen[i] != -1 || r.Key != nil && int(columns.KeyLen[i]) != want {
		t.Fatalf("record %d: key length %d", i, columns.KeyLen[i])
	}
	off, n := columns.ValOff[i], columns.ValLen[i]
	if !bytes.Equal(columns.Buf[off:off+n], r.Value) {
		t.Fatalf("record %d: value column", i)
	}
}

func TestBuilderLenIsExact(t *testing.T) {
	b := NewBuilder(None)
	for i := range 50 {
		b.Append(int64(i*1000), []byte("k"), make([]byte, i*10), nil)
	}
	want := b.Len()
	batch, err := b.Build(make([]byte, 3))
	if err != nil || len(batch) != want {
		t.Fatalf("%d bytes, want %d (%v)", len(batch), want, err)
	}
	if b.Count() != 0 || b.Len() != HeaderLen {
		t.Fatal("builder not empty after Build")
	}
	if _, err := b.Build(nil); !errors.Is(err, ErrInvalid) {
		t.Fatalf("building nothing: %v", err)
	}
}

func TestSetters(t *testing.T) {
	batch := buildSample(t, LZ4, 10)
	before := batch.CRC()
	batch.SetBaseOffset(77)
	batch.SetLeaderEpoch(5)
	if batch.ComputeCRC() != before || batch.BaseOffset() != 77 || batch.LeaderEpoch() != 5 {
		t.Fatal("offset and epoch lie outside the checksum")
	}
	batch.SetProducer(9, 2, 1<<31-5, true)
	if err := Validate(batch, Limits{}); err != nil {
		t.Fatal(err)
	}
	if batch.ProducerID() != 9 || batch.ProducerEpoch() != 2 || !batch.Transactional() || batch.LastSequence() != 4 {
		t.Fatalf("producer %d %d, last sequence %d", batch.ProducerID(), batch.ProducerEpoch(), batch.LastSequence())
	}
	batch.SetLogAppendTime(123456)
	if err := Validate(batch, Limits{}); err != nil || !batch.LogAppendTime() || batch.Compression() != LZ4 {
		t.Fatalf("log append time: %v", err)
	}
	var columns Columns
	if err := AppendColumns(batch, new(Decompressor), &columns); err != nil || columns.Timestamps[3] != 123456 {
		t.Fatalf("append time of records: %v %v", columns.Timestamps, err)
	}
}

func TestMarker(t *testing.T) {
	for _, want := range []Marker{{Commit: true, CoordinatorEpoch: 3}, {CoordinatorEpoch: 0}} {
		b := AppendMarker([]byte("before"), 42, 7, 99, want)
		if b.ComputeCRC() != b.CRC() || !b.Control() || !b.Transactional() || b.ProducerID() != 42 || b.BaseSequence() != -1 {
			t.Fatalf("marker header % x", []byte(b))
		}
		if got, err := ReadMarker(b); err != nil || got != want {
			t.Fatalf("got %v %v, want %v", got, err, want)
		}
		if err := Validate(b, Limits{}); !errors.Is(err, ErrInvalid) {
			t.Fatalf("a client's control batch: %v", err)
		}
		var columns Columns
		if err := AppendColumns(b, nil, &columns); err != nil || columns.Len() != 0 {
			t.Fatalf("markers are no rows: %v", err)
		}
	}
	if _, err := ReadMarker(buildSample(t, None, 1)); !errors.Is(err, ErrInvalid) {
		t.Fatalf("not a marker: %v", err)
	}
}

func TestXerialSnappy(t *testing.T) {
	plain := buildSample(t, None, 200)
	framed := append([]byte(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
	for payload := plain.Payload(); len(payload) > 0; {
		n := min(1000, len(payload))
		block := snappy.Encode(nil, payload[:n])
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(block)))
		framed = append(framed, block...)
		payload = payload[n:]
	}
	out, err := new(Decompressor).Append(nil, Snappy, framed)
	if err != nil || !bytes.Equal(out, plain.Payload()) {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if _, err := new(Decompressor).Append(nil, Snappy, framed[:len(framed)-1]); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("torn stream: %v", err)
	}
}

func TestDecompressionIsBounded(t *testing.T) {
	for _, c := range codecs[1:] {
		var z compressor
		bomb, err := z.compress(nil, c, make([]byte, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		dec := Decompressor{BytesMax: 1 << 20}
		if _, err := dec.Append(nil, c, bomb); !errors.Is(err, ErrDecompressedTooLarge) {
			t.Errorf("%s: %v", c, err)
		}
		if out, err := new(Decompressor).Append([]byte("x"), c, bomb); err != nil || len(out) != 8<<20+1 {
			t.Errorf("%s within the limit: %d %v", c, len(out), err)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	put32 := func(at int, v uint32) func(Batch) Batch {
		return func(b Batch) Batch { binary.BigEndian.PutUint32(b[at:], v); b.SetCRC(); return b }
	}
	cases := []struct {
		name   string
		change func(Batch) Batch
		want   error
	}{
		{"a flipped bit", func(b Batch) Batch { b[len(b)-1] ^= 1; return b }, ErrCorrupt},
		{"torn", func(b Batch) Batch { return b[:len(b)-1] }, ErrInvalid},
		{"half a header", func(b Batch) Batch { return b[:30] }, ErrInvalid},
		{"nothing", func(Batch) Batch { return nil }, ErrInvalid},
		{"two batches", func(b Batch) Batch { return append(b, b...) }, ErrInvalid},
		{"magic 1", func(b Batch) Batch { b[posMagic] = 1; return b }, ErrUnsupportedMagic},
		{"negative length", func(b Batch) Batch { binary.BigEndian.PutUint32(b[posLength:], 1<<31); return b }, ErrCorrupt},
		{"no records", put32(posCount, 0), ErrInvalid},
		{"more records than offsets", put32(posCount, 6), ErrInvalid},
		{"two thousand million records", func(b Batch) Batch {
			put32(posCount, 1<<31-1)(b)
			return put32(posLastOffsetDelta, 1<<31-2)(b)
		}, ErrInvalid},
		{"codec 7", func(b Batch) Batch { b[posAttributes+1] |= 7; b.SetCRC(); return b }, ErrUnsupportedCodec},
		{"transactional without a producer", func(b Batch) Batch { b.SetProducer(-1, -1, -1, true); return b }, ErrInvalid},
		{"producer without a sequence", func(b Batch) Batch { b.SetProducer(1, 0, -1, false); return b }, ErrInvalid},
		{"above the limit", func(b Batch) Batch { return append(b, make([]byte, 4096)...) }, ErrInvalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := Validate(c.change(buildSample(t, None, 5)), Limits{BytesMax: 1 << 20}); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
	if err := Validate(buildSample(t, None, 100), Limits{BytesMax: 100}); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("size: %v", err)
	}
}

func FuzzBatch(f *testing.F) {
	for _, c := range codecs {
		f.Add([]byte(buildSample(f, c, 20)))
	}
	f.Add([]byte(AppendMarker(nil, 1, 2, 3, Marker{Commit: true})))
	f.Fuzz(func(t *testing.T, buf []byte) {
		buf = bytes.Clone(buf)
		b, _, err := Next(buf)
		if err != nil {
			return
		}
		b.SetCRC() // let the fuzzer past the checksum
		valid := Validate(b, Limits{}) == nil
		dec := Decompressor{BytesMax: 1 << 20}
		checked := valid && b.Compression() == None && CheckRecords(b) == nil
		var columns Columns
		columnsErr := AppendColumns(b, &dec, &columns)
		if checked && columnsErr != nil {
			t.Fatalf("columns don't read the records that were checked: %v", columnsErr)
		}
		it, err := Records(b, &dec)
		if err != nil {
			if columnsErr == nil && !b.Control() {
				t.Fatalf("columns read what records could not: %v", err)
			}
			return
		}
		var r Record
		n := 0
		for it.Next(&r) {
			n++
			_, _ = r.AppendHeaders(nil)
		}
		if valid && it.Err() == nil && (columnsErr != nil || columns.Len() != n) {
			t.Fatalf("%d records, %d columns (%v)", n, columns.Len(), columnsErr)
		}
		_, _ = ReadMarker(b)
	})
}

// TestViewColumns compares views of batches that lie behind one another with copies of them, and goes on with a copy afterwards.
func TestViewColumns(t *testing.T) {
	var run []byte
	var at []int
	for _, n := range []int{1, 7, 300} {
		at = append(at, len(run))
		run = append(run, buildSample(t, None, n)...)
	}
	var view, copied Columns
	for _, from := range at {
		b, _, err := Next(run[from:])
		if err != nil {
			t.Fatal(err)
		}
		if err := ViewColumns(run, from, b, &view); err != nil {
			t.Fatal(err)
		}
		if err := AppendColumns(b, nil, &copied); err != nil {
			t.Fatal(err)
		}
	}
	if !view.Viewing() || view.Len() != 308 || &view.Buf[0] != &run[0] {
		t.Fatalf("%d records", view.Len())
	}
	for i := range view.Len() {
		if got, want := payloads(&view, i), payloads(&copied, i); got != want {
			t.Fatalf("record %d: %q, want %q", i, got, want)
		}
	}
	compressed := buildSample(t, LZ4, 9)
	if err := ViewColumns(compressed, 0, compressed, &view); !errors.Is(err, ErrInvalid) || view.Len() != 308 {
		t.Fatalf("view of compressed records: %v", err)
	}
	view.Reset()
	var dec Decompressor
	if err := AppendColumns(compressed, &dec, &view); err != nil || view.Viewing() || view.Len() != 9 {
		t.Fatalf("after a view: %d records, %v", view.Len(), err)
	}
}

// payloads are a record's key and value as text.
func payloads(c *Columns, i int) string {
	side := func(off, n int32) string {
		if n < 0 {
			return "null"
		}
		return string(c.Buf[off : off+n])
	}
	return side(c.KeyOff[i], c.KeyLen[i]) + "=" + side(c.ValOff[i], c.ValLen[i])
}

func TestBuildUnsealed(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			b, same := NewBuilder(c), NewBuilder(c)
			for round := range 3 {
				for i := range 50 * (round + 1) {
					b.Append(int64(i), []byte("k"), bytes.Repeat([]byte("v"), i), nil)
					same.Append(int64(i), []byte("k"), bytes.Repeat([]byte("v"), i), nil)
				}
				got, err := b.BuildUnsealed(make([]byte, 10))
				if err != nil {
					t.Fatal(err)
				}
				want, err := same.Build(nil)
				if err != nil {
					t.Fatal(err)
				}
				got.SetProducer(5, 1, 0, true)
				want.SetProducer(5, 1, 0, true)
				if !bytes.Equal(got, want) || Validate(got, Limits{}) != nil {
					t.Fatalf("round %d: %v", round, Validate(got, Limits{}))
				}
			}
			if _, err := b.BuildUnsealed(nil); !errors.Is(err, ErrInvalid) {
				t.Fatalf("no records: %v", err)
			}
		})
	}
}

func TestColumnsDoNotAllocate(t *testing.T) {
	batch := buildSample(t, LZ4, 500)
	var dec Decompressor
	var columns Columns
	allocs := testing.AllocsPerRun(20, func() {
		columns.Reset()
		if err := AppendColumns(batch, &dec, &columns); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 4 {
		t.Fatalf("%v allocations for 500 records", allocs)
	}
}

func BenchmarkAppendColumns(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			builder := NewBuilder(c)
			value := bytes.Repeat([]byte(`{"auction":1001,"bidder":2002}`), 7)
			for i := range 1000 {
				builder.Append(int64(i), nil, value, nil)
			}
			batch, err := builder.Build(nil)
			if err != nil {
				b.Fatal(err)
			}
			var dec Decompressor
			var columns Columns
			b.ReportAllocs()
			for b.Loop() {
				columns.Reset()
				if err := AppendColumns(batch, &dec, &columns); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/rec")
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			builder := NewBuilder(c)
			value := bytes.Repeat([]byte(`{"auction":1001,"bidder":2002}`), 7)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				for i := range 1000 {
					builder.Append(int64(i), nil, value, nil)
				}
				batch, err := builder.Build(out[:0])
				if err != nil {
					b.Fatal(err)
				}
				out = batch
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/rec")
		})
	}
}
