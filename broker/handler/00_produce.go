package handler

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// errZeroAcksFailed is why a connection was closed: with acks=0 there is no other way to tell of an error.
var errZeroAcksFailed = errors.New("append with acks=0 failed")

// produce appends one batch to each partition named and answers when all are acknowledged. Everything happens in callbacks: the
// connection's reader goes on to the next request, whose appends come after this one's.
func (h *Handler) produce(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ProduceRequest)
	p := &production{h: h, req: req, in: in, resp: kmsg.NewPtrProduceResponse()}
	p.resp.Topics = make([]kmsg.ProduceResponseTopic, len(in.Topics))
	count := 0
	for i, t := range in.Topics {
		count += len(t.Partitions)
		p.resp.Topics[i] = kmsg.ProduceResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: make([]kmsg.ProduceResponseTopicPartition, len(t.Partitions))}
	}
	// One more than there are, so that the answer can't leave while appends are still being started.
	p.left.Store(int32(count) + 1)
	for i := range in.Topics {
		for j := range in.Topics[i].Partitions {
			p.append(i, j)
		}
	}
	p.done(nil)
}

// production is a Produce request under way.
type production struct {
	h    *Handler
	req  *wire.Request
	in   *kmsg.ProduceRequest
	resp *kmsg.ProduceResponse
	left atomic.Int32
	// failed remembers an error of an acks=0 request, which can only be told by closing the connection.
	failed atomic.Pointer[error]
}

func (p *production) append(topic, partition int) {
	t := &p.in.Topics[topic]
	from := &t.Partitions[partition]
	out := &p.resp.Topics[topic].Partitions[partition]
	*out = kmsg.NewProduceResponseTopicPartition()
	out.Partition, out.BaseOffset, out.LogStartOffset = from.Partition, -1, -1
	target, err := p.admit(t.Topic, from)
	if err != nil {
		p.refuse(out, err)
		return
	}
	opts := replica.AppendOptions{
		Acks: replica.Acks(p.in.Acks), Origin: log.FromClient,
		Timeout: time.Duration(p.in.TimeoutMillis) * time.Millisecond,
	}
	target.Append(from.Records, opts, func(a replica.Appended) {
		if a.Err != nil {
			p.refuse(out, a.Err)
			return
		}
		out.BaseOffset, out.LogAppendTime, out.LogStartOffset = a.BaseOffset, a.Timestamp, a.Start
		p.done(nil)
	})
}

// admit finds the partition and checks the batch for it.
func (p *production) admit(topic string, from *kmsg.ProduceRequestTopicPartition) (*replica.Partition, error) {
	switch replica.Acks(p.in.Acks) {
	case replica.AcksAll, replica.AcksNone, replica.AcksLeader:
	default:
		return nil, kerr.InvalidRequiredAcks
	}
	if metadata.IsInternal(topic) {
		return nil, kerr.InvalidTopicException
	}
	target, err := p.h.Replicas.Partition(topic, from.Partition)
	if err != nil {
		return nil, err
	}
	limits := record.Limits{BytesMax: target.Config().MessageBytesMax}
	if err := record.Validate(from.Records, limits); err != nil {
		return nil, err
	}
	if b := record.Batch(from.Records); b.Transactional() && p.in.TransactionID == nil {
		return nil, kerr.InvalidRecord
	}
	return target, nil
}

func (p *production) refuse(out *kmsg.ProduceResponseTopicPartition, err error) {
	out.ErrorCode, out.ErrorMessage = p.h.failure(err)
	p.done(err)
}

// done counts an append's end; the last one answers.
func (p *production) done(err error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &err)
	}
	if p.left.Add(-1) != 0 {
		return
	}
	if replica.Acks(p.in.Acks) != replica.AcksNone {
		p.req.Reply(p.resp)
		return
	}
	if err := p.failed.Load(); err != nil {
		p.req.Abort(errors.Join(errZeroAcksFailed, *err))
		return
	}
	p.req.ReplyNothing()
}
