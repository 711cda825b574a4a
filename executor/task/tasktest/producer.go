package tasktest

import (
	"context"
	"maps"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// producer is a transactional producer. One goroutine uses it.
type producer struct {
	broker   *Broker
	id       int64
	sequence map[client.TopicPartition]int32
	used     map[client.TopicPartition]bool
	offsets  map[string]map[client.TopicPartition]client.Committed
}

// Producer implements client.Client.
func (b *Broker) Producer(context.Context, client.ProducerOptions) (client.Producer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.producers++
	p := &producer{broker: b, id: b.producers, sequence: map[client.TopicPartition]int32{}}
	p.begin()
	return p, nil
}

func (p *producer) begin() {
	p.used = map[client.TopicPartition]bool{}
	p.offsets = map[string]map[client.TopicPartition]client.Committed{}
}

// Produce implements client.Producer.
func (p *producer) Produce(tp client.TopicPartition, batch []byte, done func(client.Ack)) {
	b := record.Batch(append([]byte(nil), batch...))
	b.SetProducer(p.id, 0, p.sequence[tp], true)
	if err := record.Validate(b, record.Limits{}); err != nil {
		done(client.Ack{BaseOffset: -1, Err: err})
		return
	}
	p.sequence[tp] += b.Count()
	p.used[tp] = true
	p.broker.event("produce %s-%d %d", tp.Topic, tp.Partition, b.Count())
	done(client.Ack{BaseOffset: p.broker.append(tp, b)})
}

// CommitOffsets implements client.Producer.
func (p *producer) CommitOffsets(member client.GroupMember, offsets map[client.TopicPartition]client.Committed, _ func(error)) {
	p.broker.event("offsets %s", member.Group)
	p.offsets[member.Group] = offsets
}

// Commit implements client.Producer.
func (p *producer) Commit(done func(error)) {
	b := p.broker
	b.mu.Lock()
	err := b.failCommit
	b.mu.Unlock()
	if err != nil {
		p.abort()
		done(err)
		return
	}
	b.mu.Lock()
	for group, offsets := range p.offsets {
		if b.groups[group] == nil {
			b.groups[group] = map[client.TopicPartition]client.Committed{}
		}
		maps.Copy(b.groups[group], offsets)
	}
	b.mu.Unlock()
	b.event("commit")
	p.end(true)
	done(nil)
}

// Abort implements client.Producer.
func (p *producer) Abort(context.Context) error {
	p.abort()
	return nil
}

func (p *producer) abort() {
	p.broker.event("abort")
	p.end(false)
}

// end writes markers.
func (p *producer) end(commit bool) {
	for tp := range p.used {
		p.broker.mu.Lock()
		part := p.broker.topics[tp.Topic][tp.Partition]
		if !commit {
			part.aborted = append(part.aborted, client.Aborted{ProducerID: p.id, FirstOffset: part.open[p.id]})
		}
		delete(part.open, p.id)
		p.broker.mu.Unlock()
		p.broker.append(tp, record.AppendMarker(nil, p.id, 0, 0, record.Marker{Commit: commit}))
	}
	p.begin()
}

// Close implements client.Producer.
func (p *producer) Close() error {
	if len(p.used) > 0 {
		p.abort()
	}
	return nil
}
