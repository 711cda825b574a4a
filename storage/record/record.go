package record

// Record is one record of a batch. Its slices alias the batch, or the decompressor's memory.
type Record struct {
	OffsetDelta    int32
	TimestampDelta int64
	Key, Value     []byte // nil for null, empty and not nil for empty

	headers     []byte
	headerCount int32
}

// Header is one header of a record; Value is nil for null.
type Header struct {
	Key   []byte
	Value []byte
}

// HeaderCount is the number of headers.
func (r *Record) HeaderCount() int { return int(r.headerCount) }

// Columns are records side by side, as decoders want them: payloads in one buffer, and where each lies. Lengths are -1
// for null. Reset keeps the memory.
type Columns struct {
	Buf                            []byte
	KeyOff, KeyLen, ValOff, ValLen []int32
	Timestamps, Offsets            []int64 // milliseconds; absolute offsets
}
