package record

import (
	"encoding/binary"
	"fmt"
)

// Types of a marker, in the control record's key.
const (
	markerAbort  = 0
	markerCommit = 1
)

const (
	markerKeyLen   = 4 // version, type
	markerValueLen = 6 // version, coordinator epoch
)

// Marker is a transaction's end, the only record of a control batch.
type Marker struct {
	Commit           bool
	CoordinatorEpoch int32
}

// AppendMarker appends a control batch with one marker to dst and returns that batch. Source: Kafka, EndTransactionMarker.
func AppendMarker(dst []byte, producerID int64, producerEpoch int16, timestampMs int64, m Marker) Batch {
	var key [markerKeyLen]byte
	var value [markerValueLen]byte
	if m.Commit {
		binary.BigEndian.PutUint16(key[2:], markerCommit)
	}
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))
	var records Builder
	records.Append(timestampMs, key[:], value[:], nil)
	start := len(dst)
	dst = growBytes(dst, records.Len())
	dst = append(dst[:start+HeaderLen], records.records()...)
	b := Batch(dst[start:])
	b.putHeader(attrControl, 1, timestampMs, timestampMs)
	b.putProducer(producerID, producerEpoch, -1, true)
	b.SetCRC()
	return b
}

// ReadMarker reads the marker of a control batch. Errors wrap ErrInvalid.
func ReadMarker(b Batch) (Marker, error) {
	if !b.Control() {
		return Marker{}, fmt.Errorf("%w: not a control batch", ErrInvalid)
	}
	it, err := Records(b, nil)
	if err != nil {
		return Marker{}, fmt.Errorf("%w: control batch: %w", ErrInvalid, err)
	}
	var r Record
	if !it.Next(&r) || len(r.Key) < markerKeyLen || len(r.Value) < markerValueLen {
		return Marker{}, fmt.Errorf("%w: control batch without a marker", ErrInvalid)
	}
	kind := binary.BigEndian.Uint16(r.Key[2:])
	if kind != markerAbort && kind != markerCommit {
		return Marker{}, fmt.Errorf("%w: control record of type %d", ErrInvalid, kind)
	}
	return Marker{Commit: kind == markerCommit, CoordinatorEpoch: int32(binary.BigEndian.Uint32(r.Value[2:]))}, nil
}
