package record

// AppendColumns appends the records of a batch.
func AppendColumns(b Batch, dec *Decompressor, into *Columns) error { return nil }

// Decompressor turns compressed payloads into plain ones in memory of its own, which the next call overwrites.
type Decompressor struct{}

// Builder builds a batch record by record.
type Builder struct{}

// NewBuilder makes a builder for a codec.
func NewBuilder(c Compression) *Builder { return nil }

// Append adds a record. nil key or value is null.
func (b *Builder) Append(timestampMs int64, key, value []byte, headers []Header) {}

// Len is the size of the batch so far, in bytes, were it built uncompressed.
func (b *Builder) Len() int { return 0 }

// Count is the number of records so far.
func (b *Builder) Count() int { return 0 }

// Build appends the batch (base offset 0, no producer) to dst and empties the builder.
func (b *Builder) Build(dst []byte) (Batch, error) { return nil, nil }

// Marker is a transaction's end in a control batch.
type Marker struct {
	Commit           bool
	CoordinatorEpoch int32
}

// AppendMarker appends a control batch with one marker to dst.
func AppendMarker(dst []byte, producerID int64, producerEpoch int16, timestampMs int64, m Marker) Batch {
	return nil
}

// ReadMarker reads the marker of a control batch.
func ReadMarker(b Batch) (Marker, error) { return Marker{}, nil }
