package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// batchSpec is what a script may say of a batch of format 2; what it does not say is right.
type batchSpec struct {
	Base, Count         int64 // offset of the first record; records
	Epoch               int32 // partition leader epoch
	Magic               int8
	CRC                 string // "bad", or right
	Attributes          int16  // or'd to what the other fields ask for
	LastDelta           int64
	First, Max          int64 // timestamps
	PID                 int64
	PEpoch              int16
	Seq                 int32
	NumRecords          int64 // as the header says
	Codec               string
	Txn, Control        bool
	Key, Value          string // of every record; "null" is none
	Length              int64  // added to the length field
	Size                int64  // of a value that is so many letters
	Delta               int64  // offset delta of the first record
	ControlType         int16
	Trailing, Truncated int64 // bytes more after the records, bytes cut off the end
	Each                int64 // milliseconds between two records
	Headers             int64
	Garbage             bool // in place of the records
}

const (
	attrTransactional = 1 << 4
	attrControl       = 1 << 5
	batchHeaderLen    = 61
	unsaid            = -1 << 40
)

var codecs = map[string]int16{"": 0, "none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4, "five": 5, "seven": 7}

// buildBatch makes a batch as a script describes it.
func buildBatch(fields []field) ([]byte, error) {
	now := time.Now().UnixMilli()
	b := batchSpec{Count: 1, Magic: 2, LastDelta: unsaid, First: now, Max: unsaid, PID: -1, PEpoch: -1, Seq: -1, NumRecords: unsaid, Key: "null", Value: "v", Epoch: -1}
	if err := setFields(reflect.ValueOf(&b).Elem(), fields); err != nil {
		return nil, err
	}
	codec, ok := codecs[b.Codec]
	if !ok {
		return nil, fmt.Errorf("no codec %q", b.Codec)
	}
	b.Attributes |= codec
	if b.Txn {
		b.Attributes |= attrTransactional
	}
	if b.Control {
		b.Attributes |= attrControl
	}
	body := b.records()
	if b.Garbage {
		body = bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 8)
	}
	body, err := compressed(body, codec)
	if err != nil {
		return nil, err
	}
	return b.frame(body), nil
}

// records are the records of the batch, not compressed.
func (b *batchSpec) records() []byte {
	var body []byte
	for i := range b.Count {
		var r []byte
		r = append(r, 0)
		r = binary.AppendVarint(r, i*b.Each)
		r = binary.AppendVarint(r, i+b.Delta)
		if b.Control {
			r = appendVarBytes(r, string([]byte{0, 0, byte(b.ControlType >> 8), byte(b.ControlType)}))
			r = appendVarBytes(r, "\x00\x00\x00\x00\x00\x00")
		} else {
			value := b.Value
			if b.Size > 0 {
				value = strings.Repeat("x", int(b.Size))
			}
			r = appendVarBytes(appendVarBytes(r, b.Key), value)
		}
		r = binary.AppendVarint(r, b.Headers)
		for range b.Headers {
			r = appendVarBytes(appendVarBytes(r, "h"), "w")
		}
		body = append(binary.AppendVarint(body, int64(len(r))), r...)
	}
	return append(body, make([]byte, b.Trailing)...)
}

func appendVarBytes(to []byte, s string) []byte {
	if s == "null" {
		return binary.AppendVarint(to, -1)
	}
	return append(binary.AppendVarint(to, int64(len(s))), s...)
}

// frame puts the header before the records.
func (b *batchSpec) frame(body []byte) []byte {
	if b.LastDelta == unsaid {
		b.LastDelta = b.Count - 1
	}
	if b.NumRecords == unsaid {
		b.NumRecords = b.Count
	}
	if b.Max == unsaid {
		b.Max = b.First + max(b.Count-1, 0)*b.Each
	}
	out := binary.BigEndian.AppendUint64(nil, uint64(b.Base))
	out = binary.BigEndian.AppendUint32(out, uint32(batchHeaderLen-12+int64(len(body))+b.Length))
	out = binary.BigEndian.AppendUint32(out, uint32(b.Epoch))
	out = append(out, byte(b.Magic), 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(b.Attributes))
	out = binary.BigEndian.AppendUint32(out, uint32(b.LastDelta))
	out = binary.BigEndian.AppendUint64(out, uint64(b.First))
	out = binary.BigEndian.AppendUint64(out, uint64(b.Max))
	out = binary.BigEndian.AppendUint64(out, uint64(b.PID))
	out = binary.BigEndian.AppendUint16(out, uint16(b.PEpoch))
	out = binary.BigEndian.AppendUint32(out, uint32(b.Seq))
	out = binary.BigEndian.AppendUint32(out, uint32(b.NumRecords))
	out = append(out, body...)
	crc := crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli))
	if b.CRC == "bad" {
		crc++
	}
	binary.BigEndian.PutUint32(out[17:], crc)
	return out[:len(out)-int(b.Truncated)]
}

func compressed(body []byte, codec int16) ([]byte, error) {
	var out bytes.Buffer
	switch codec {
	case 1:
		w := gzip.NewWriter(&out)
		_, err := w.Write(body)
		return finish(&out, err, w.Close)
	case 2:
		return snappy.Encode(nil, body), nil
	case 3:
		w := lz4.NewWriter(&out)
		_, err := w.Write(body)
		return finish(&out, err, w.Close)
	case 4:
		w, err := zstd.NewWriter(nil)
		if err != nil {
			return nil, err
		}
		return w.EncodeAll(body, nil), w.Close()
	default:
		return body, nil
	}
}

func finish(out *bytes.Buffer, err error, closed func() error) ([]byte, error) {
	if err == nil {
		err = closed()
	}
	return out.Bytes(), err
}

// messageSpec is a message of format 0 or 1, from before batches.
type messageSpec struct {
	Magic      int8
	Attributes int8
	Timestamp  int64
	Value      string
}

func buildMessage(fields []field) ([]byte, error) {
	m := messageSpec{Magic: 1, Timestamp: time.Now().UnixMilli(), Value: "v"}
	if err := setFields(reflect.ValueOf(&m).Elem(), fields); err != nil {
		return nil, err
	}
	body := []byte{byte(m.Magic), byte(m.Attributes)}
	if m.Magic > 0 {
		body = binary.BigEndian.AppendUint64(body, uint64(m.Timestamp))
	}
	body = binary.BigEndian.AppendUint32(body, 0xffffffff)
	body = append(binary.BigEndian.AppendUint32(body, uint32(len(m.Value))), m.Value...)
	out := binary.BigEndian.AppendUint64(nil, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+4))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return append(out, body...), nil
}
