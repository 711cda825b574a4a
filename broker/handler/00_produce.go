package handler

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// errZeroAcksFailed is why a connection was closed: with acks=0 there is no other way to tell of an error.
var errZeroAcksFailed = errors.New("append with acks=0 failed")

// Versions of Produce at which fields and meanings came.
const (
	produceZstd     = 7  // the first whose clients know zstd
	produceLeaders  = 10 // who leads instead, and where (KIP-951)
	produceTopicIDs = 13
)

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
	whole := p.refusal()
	for i := range in.Topics {
		for j := range in.Topics[i].Partitions {
			p.append(i, j, whole)
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

// refusal is why no batch of the request may be appended, or nil.
func (p *production) refusal() error {
	switch replica.Acks(p.in.Acks) {
	case replica.AcksAll, replica.AcksNone, replica.AcksLeader:
	default:
		return kerr.InvalidRequiredAcks
	}
	if !transactional(p.in) {
		return nil
	}
	if id := p.in.TransactionID; id == nil || !p.h.may(p.req, auth.OpWrite, auth.ResourceTransactionalID, *id) {
		return kerr.TransactionalIDAuthorizationFailed
	}
	return nil
}

// transactional tells whether any batch of a request belongs to a transaction.
func transactional(in *kmsg.ProduceRequest) bool {
	for i := range in.Topics {
		for j := range in.Topics[i].Partitions {
			if b := record.Batch(in.Topics[i].Partitions[j].Records); len(b) >= record.HeaderLen && b.Transactional() {
				return true
			}
		}
	}
	return false
}

func (p *production) append(topic, partition int, whole error) {
	t := &p.in.Topics[topic]
	from := &t.Partitions[partition]
	out := &p.resp.Topics[topic].Partitions[partition]
	*out = kmsg.NewProduceResponseTopicPartition()
	out.Partition, out.BaseOffset, out.LogStartOffset = from.Partition, -1, -1
	if whole != nil {
		p.refuse(out, whole)
		return
	}
	target, err := p.admit(t, from)
	if err != nil {
		p.refuse(out, err)
		return
	}
	opts := replica.AppendOptions{
		Acks: replica.Acks(p.in.Acks), Origin: log.FromClient,
		Timeout: time.Duration(p.in.TimeoutMillis) * time.Millisecond,
	}
	done := func(a replica.Appended) {
		if a.Err != nil {
			p.refuse(out, a.Err)
			return
		}
		out.BaseOffset, out.LogAppendTime, out.LogStartOffset = a.BaseOffset, a.Timestamp, a.Start
		p.done(nil)
	}
	if record.Batch(from.Records).Transactional() {
		p.appendTransactional(target, from, opts, done)
		return
	}
	target.Append(from.Records, opts, done)
}

// admit finds the partition and checks the batch for it.
func (p *production) admit(t *kmsg.ProduceRequestTopic, from *kmsg.ProduceRequestTopicPartition) (*replica.Partition, error) {
	target, err := p.target(t, from.Partition)
	if err != nil {
		return nil, err
	}
	if err := checkProduced(from.Records, p.in.Version); err != nil {
		return nil, err
	}
	if err := record.Validate(from.Records, record.Limits{BytesMax: target.Config().MessageBytesMax}); err != nil {
		return nil, err
	}
	if b := record.Batch(from.Records); b.Compression() == record.None {
		return target, record.CheckRecords(b)
	}
	return target, nil // compressed records are opened by who reads them
}

// target finds a partition by the name or id of its topic, and whether the caller may write to it.
func (p *production) target(t *kmsg.ProduceRequestTopic, index int32) (*replica.Partition, error) {
	name := t.Topic
	if p.in.Version >= produceTopicIDs {
		topic := p.h.Quorum.Image().TopicByID(t.TopicID)
		if topic == nil {
			return nil, replica.ErrUnknownTopicID
		}
		name = topic.Name
	}
	if !p.h.may(p.req, auth.OpWrite, auth.ResourceTopic, name) {
		return nil, kerr.TopicAuthorizationFailed
	}
	if metadata.IsInternal(name) {
		return nil, kerr.InvalidTopicException
	}
	return p.h.Replicas.Partition(name, index)
}

// checkProduced looks at what only Produce refuses, or refuses under another name than the log would.
func checkProduced(b record.Batch, version int16) error {
	switch {
	case len(b) == 0:
		return fmt.Errorf("%w: a request has exactly one batch a partition", record.ErrInvalid)
	case len(b) < record.HeaderLen:
		return nil // record.Validate has the words
	case b.Magic() == 0 || b.Magic() == 1:
		return fmt.Errorf("%w: a request has batches of version 2 only", record.ErrInvalid)
	case b.Magic() != record.Magic:
		return fmt.Errorf("%w: version %d", record.ErrCorrupt, b.Magic())
	case b.BaseOffset() != 0:
		return fmt.Errorf("%w: base offset %d, where the log gives offsets", record.ErrInvalid, b.BaseOffset())
	case version < produceZstd && b.Compression() == record.Zstd:
		return fmt.Errorf("%w: zstd in Produce v%d", record.ErrUnsupportedCodec, version)
	}
	return nil
}

func (p *production) refuse(out *kmsg.ProduceResponseTopicPartition, err error) {
	out.ErrorCode, out.ErrorMessage = p.h.failure(err)
	out.ErrorRecords = recordErrors(err)
	p.done(err)
}

// findLeaders tells clients that went to the wrong broker who leads and where that is.
func (p *production) findLeaders() {
	img := p.h.Quorum.Image()
	var nodes []nodeEndpoint
	for i := range p.resp.Topics {
		t := &p.resp.Topics[i]
		for j := range t.Partitions {
			if out := &t.Partitions[j]; out.ErrorCode == kerr.NotLeaderForPartition.Code {
				topic := img.Topic(t.Topic)
				if p.in.Version >= produceTopicIDs {
					topic = img.TopicByID(t.TopicID)
				}
				if topic == nil || out.Partition < 0 || int(out.Partition) >= len(topic.Partitions) {
					continue
				}
				agreed := &topic.Partitions[out.Partition]
				out.CurrentLeader.LeaderID, out.CurrentLeader.LeaderEpoch = agreed.Leader, agreed.LeaderEpoch
				nodes = p.h.addNode(nodes, p.req.Conn, img, agreed.Leader)
			}
		}
	}
	for _, n := range nodes {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port = n.id, n.host, n.port
		p.resp.Brokers = append(p.resp.Brokers, b)
	}
}

// done counts an append's end; the last one answers.
func (p *production) done(err error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &err)
	}
	if p.left.Add(-1) != 0 {
		return
	}
	failed := p.failed.Load()
	if replica.Acks(p.in.Acks) != replica.AcksNone {
		if failed != nil && p.in.Version >= produceLeaders {
			p.findLeaders()
		}
		p.req.Reply(p.resp)
		return
	}
	if failed != nil {
		p.req.Abort(errors.Join(errZeroAcksFailed, *failed))
		return
	}
	p.req.ReplyNothing()
}
