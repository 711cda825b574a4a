package replica

import (
	"fmt"
	"runtime"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// recoder opens batches: those of compacted topics for their keys, and those that their topic stores in another codec.
type recoder struct {
	dec record.Decompressor
	rec record.Recompressor
}

// recoders lends recoders, as many at once as there are processors, so that batches which are small only while compressed take a
// bounded amount of memory.
type recoders chan *recoder

func newRecoders() recoders {
	r := make(recoders, max(2, runtime.GOMAXPROCS(0)))
	for range cap(r) {
		r <- new(recoder)
	}
	return r
}

// recordErrorsMax is how many records an InvalidRecordsError names.
const recordErrorsMax = 10_000

// InvalidRecordsError refuses a batch because of some of its records. It is a record.ErrInvalid.
type InvalidRecordsError struct {
	Topic     string
	Partition int32
	// Records are the places in the batch of those without a key, from 0; the first 10,000 of Count.
	Records []int32
	Count   int
}

// Error implements error in Kafka's words.
func (e *InvalidRecordsError) Error() string {
	return fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		e.Count, e.RecordMessage())
}

// RecordMessage says what is wrong with each of the records.
func (e *InvalidRecordsError) RecordMessage() string {
	return fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d.", e.Topic, e.Partition)
}

// Unwrap gives record.ErrInvalid.
func (e *InvalidRecordsError) Unwrap() error { return record.ErrInvalid }

// recode checks and converts a client's batch as its topic's configs want: keys for a compacted topic, the codec of compression.type. The
// batch that is returned may lie in memory of its own.
func (p *Partition) recode(b record.Batch, origin log.Origin) (record.Batch, error) {
	c := &p.state.Load().config
	codec, convert := record.ParseCompression(c.Compression)
	convert = convert && b.Compression() != codec
	if origin != log.FromClient || b.Control() || !c.Compact && !convert {
		return b, nil
	}
	r := <-p.m.recoders
	defer func() { p.m.recoders <- r }()
	if c.Compact {
		if err := p.checkKeys(b, r); err != nil {
			return nil, err
		}
	}
	if !convert {
		return b, nil
	}
	return r.rec.Recompress(b, codec, levels(c).Of(codec))
}

func levels(c *metadata.TopicConfig) record.Levels {
	return record.Levels{Gzip: c.GzipLevel, LZ4: c.LZ4Level, Zstd: c.ZstdLevel}
}

// checkKeys refuses a batch with records that compaction could not tell apart.
func (p *Partition) checkKeys(b record.Batch, r *recoder) error {
	it, err := record.Records(b, &r.dec)
	if err != nil {
		return err
	}
	var keyless InvalidRecordsError
	var rec record.Record
	for at := int32(0); it.Next(&rec); at++ {
		if rec.Key != nil {
			continue
		}
		if keyless.Count++; keyless.Count <= recordErrorsMax {
			keyless.Records = append(keyless.Records, at)
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	if keyless.Count > 0 {
		keyless.Topic, keyless.Partition = p.topic, p.index
		return &keyless
	}
	return nil
}
