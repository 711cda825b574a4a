package record

import (
	"bytes"
	"testing"
)

// TestFilter drops records and sets a delete horizon: everything else of the batch and of the records that stay is as it was.
func TestFilter(t *testing.T) {
	for _, codec := range codecs {
		b := NewBuilder(codec)
		for i := range 5 {
			value := bytes.Repeat([]byte{'v'}, 10*i)
			if i == 3 {
				value = nil
			}
			b.Append(int64(1000+100*i), []byte{'k', byte('0' + i)}, value, []Header{{Key: []byte("h"), Value: []byte{byte(i)}}})
		}
		source, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		source.SetBaseOffset(70)
		source.SetProducer(9, 2, 30, true)
		var f Filter
		var dec Decompressor
		kept, tombstones, err := f.Begin(source, &dec, func(r *Record) bool { return r.OffsetDelta == 1 || r.OffsetDelta == 3 })
		if err != nil || kept != 2 || !tombstones {
			t.Fatal(kept, tombstones, err)
		}
		for _, horizon := range []int64{-1, 5_000_000_000_000} {
			out, err := f.Append([]byte("before"), horizon)
			if err != nil {
				t.Fatal(err)
			}
			got := Batch(out[len("before"):])
			ms, has := got.DeleteHorizon()
			if has != (horizon >= 0) || has && ms != horizon || got.CRC() != got.ComputeCRC() || got.Compression() != codec {
				t.Fatalf("%v: horizon %d %v", codec, ms, has)
			}
			if got.BaseOffset() != 70 || got.LastOffset() != 74 || got.LastSequence() != 34 || got.MaxTimestamp() != 1300 || got.Count() != 2 || !got.Transactional() {
				t.Fatalf("%v: %x", codec, []byte(got[:HeaderLen]))
			}
			it, err := Records(got, &dec)
			if err != nil {
				t.Fatal(err)
			}
			var r Record
			for _, want := range []int32{1, 3} {
				if !it.Next(&r) || r.OffsetDelta != want || got.TimestampOf(&r) != int64(1000+100*want) || (r.Value == nil) != (want == 3) {
					t.Fatalf("%v: %+v", codec, r)
				}
				if headers, err := r.AppendHeaders(nil); err != nil || len(headers) != 1 || headers[0].Value[0] != byte(want) {
					t.Fatal(headers, err)
				}
			}
			if it.Next(&r) || it.Err() != nil {
				t.Fatal(it.Err())
			}
		}
		empty := Batch(AppendEmpty(nil, source))
		if len(empty) != HeaderLen || empty.Count() != 0 || empty.LastSequence() != 34 || empty.NextOffset() != 75 || empty.CRC() != empty.ComputeCRC() || empty.Compression() != None {
			t.Fatalf("%x", []byte(empty))
		}
		var columns Columns
		if err := AppendColumns(empty, &dec, &columns); err != nil || columns.Len() != 0 {
			t.Fatal(err)
		}
		if it, err := Records(empty, &dec); err != nil || it.Next(new(Record)) || it.Err() != nil {
			t.Fatal(err, it.Err())
		}
	}
}

func TestRecompressLevels(t *testing.T) {
	b := NewBuilder(None)
	for i := range 200 {
		b.Append(int64(i), []byte("key"), bytes.Repeat([]byte("abcdefgh"), i%9), nil)
	}
	source, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	var r Recompressor
	for _, levels := range []Levels{{-1, 9, 3}, {1, 1, -5}, {9, 17, 22}, {77, -3, 99}} {
		for _, codec := range codecs {
			got, err := r.Recompress(source, codec, levels.Of(codec))
			if err != nil {
				t.Fatal(err)
			}
			back, err := r.Recompress(got, None, 0)
			if err != nil || !bytes.Equal(back, source) {
				t.Fatalf("%v at %d: %v", codec, levels.Of(codec), err)
			}
		}
	}
}
