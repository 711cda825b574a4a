package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noLeader is the leader of a partition that has none now.
const noLeader = int32(-1)

// route is where a topic's partitions are led.
type route struct{ leaders []int32 }

// routes remembers leaders, by the callers' names of topics. An entry lives until somebody finds it wrong.
type routes struct {
	mu     sync.Mutex // guards: topics
	topics map[string]*route
}

func (c *routes) leader(tp TopicPartition) (leader int32, known, exists bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.topics[tp.Topic]
	if t == nil {
		return noLeader, false, false
	}
	if tp.Partition < 0 || int(tp.Partition) >= len(t.leaders) {
		return noLeader, true, false
	}
	return t.leaders[tp.Partition], true, true
}

func (c *routes) set(topic string, r *route) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r == nil {
		delete(c.topics, topic)
		return
	}
	c.topics[topic] = r
}

func (c *routes) forget(topic string) { c.set(topic, nil) }

// metadata asks for topics (nil: all there are), without making any, until a broker answers.
func (r *Remote) metadata(ctx context.Context, topics []string) (resp *kmsg.MetadataResponse, err error) {
	err = r.insist(ctx, func(ctx context.Context) (err error) {
		resp, err = r.metadataOnce(ctx, topics)
		return err
	})
	return resp, err
}

// metadataOnce is metadata without another try.
func (r *Remote) metadataOnce(ctx context.Context, topics []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	if topics != nil {
		req.Topics = make([]kmsg.MetadataRequestTopic, 0, len(topics))
	}
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(r.names.out(name))
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, r.cl)
	if err != nil {
		return nil, fmt.Errorf("ask for topics: %w", err)
	}
	return resp, nil
}

// learn notes the leaders an answer names.
func (r *Remote) learn(t *kmsg.MetadataResponseTopic) {
	if t.Topic == nil {
		return
	}
	name, mine := r.names.in(*t.Topic)
	if !mine {
		return
	}
	if t.ErrorCode != 0 {
		r.routes.forget(name)
		return
	}
	leaders := make([]int32, len(t.Partitions))
	for i := range leaders {
		leaders[i] = noLeader
	}
	for _, p := range t.Partitions {
		if int(p.Partition) < len(leaders) && p.Partition >= 0 && p.ErrorCode == 0 {
			leaders[p.Partition] = p.Leader
		}
	}
	r.routes.set(name, &route{leaders: leaders})
}

// find asks for one topic and notes its leaders. Errors: ErrUnknownTopic.
func (r *Remote) find(ctx context.Context, topic string) error {
	resp, err := r.metadata(ctx, []string{topic})
	if err != nil {
		return err
	}
	if len(resp.Topics) != 1 {
		return fmt.Errorf("ask for topic %q: the answer names %d", topic, len(resp.Topics))
	}
	t := &resp.Topics[0]
	r.learn(t)
	switch err := codeErr(t.ErrorCode); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.LeaderNotAvailable):
		return fmt.Errorf("%w: topic %q: %w", errAgain, topic, err)
	default:
		return fmt.Errorf("topic %q: %w", topic, err)
	}
}

// leader gives the broker that leads a partition, noLeader when there is none now. Errors: ErrUnknownTopic.
func (r *Remote) leader(ctx context.Context, tp TopicPartition) (int32, error) {
	leader, known, exists := r.routes.leader(tp)
	if !known || leader == noLeader {
		if err := r.find(ctx, tp.Topic); err != nil {
			return noLeader, err
		}
		leader, _, exists = r.routes.leader(tp)
	}
	if !exists {
		return noLeader, fmt.Errorf("%w: %s-%d", ErrUnknownTopic, tp.Topic, tp.Partition)
	}
	return leader, nil
}

// passing tells whether an answer about a partition may be another one soon: leaders move, brokers start.
func passing(code int16) bool {
	err := kerr.ErrorForCode(code)
	return kerr.IsRetriable(err) || isAny(err, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, // a broker that has not heard of it yet
		kerr.RequestTimedOut, kerr.ThrottlingQuotaExceeded, kerr.OffsetNotAvailable)
}

// onLeader asks a partition's leader until it answers: leaders move and connections end. ask gives the partition's error code, and the
// broker's words if it has some. Errors: ErrUnknownTopic and what the code means.
func (r *Remote) onLeader(outer context.Context, tp TopicPartition, ask func(context.Context, *kgo.Broker) (int16, error)) error {
	if err := r.check(); err != nil {
		return err
	}
	ctx, cancel := r.patient(outer)
	defer cancel()
	var last error // of before patience ended
	for {
		err := r.askLeader(ctx, tp, ask)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errAgain):
		case refusal(err), errors.Is(err, ErrUnknownTopic), isCode(err):
			return fmt.Errorf("%s-%d: %w", tp.Topic, tp.Partition, err)
		}
		r.routes.forget(tp.Topic)
		if r.life.Err() != nil {
			return ErrClosed
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if !pause(ctx, retryPause) {
			return fmt.Errorf("%s-%d: %w", tp.Topic, tp.Partition, outOfPatience(outer, last))
		}
	}
}

// insist asks until there is an answer for good: connections end, coordinators move. Errors: ErrClosed, what the answer means, and when
// patience has ended what came last.
func (r *Remote) insist(outer context.Context, ask func(context.Context) error) error {
	ctx, cancel := r.patient(outer)
	defer cancel()
	var last error // of before patience ended
	for wait := time.Millisecond; ; wait = min(2*wait, retryPause) {
		err := ask(ctx)
		switch {
		case err == nil, isCode(err) && !unsettled(err), refusal(err):
			return err
		case r.life.Err() != nil:
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if !pause(ctx, wait) {
			return outOfPatience(outer, last)
		}
	}
}

// outOfPatience is the error of a call that was tried until its time was over: its caller's time, or the client's patience.
func outOfPatience(outer context.Context, last error) error {
	switch {
	case outer.Err() != nil:
		return fmt.Errorf("%w: %w", outer.Err(), last)
	case isCode(last):
		return fmt.Errorf("%w: %w", ErrUnavailable, last)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, last.Error()) // no ended context of ours is to be taken for the caller's
}

// errAgain marks answers that are worth another try.
var errAgain = errors.New("try again")

func (r *Remote) askLeader(ctx context.Context, tp TopicPartition, ask func(context.Context, *kgo.Broker) (int16, error)) error {
	leader, err := r.leader(ctx, tp)
	if err != nil {
		return err
	}
	if leader == noLeader {
		return fmt.Errorf("%w: it has no leader", errAgain)
	}
	code, err := ask(ctx, r.cl.Broker(int(leader)))
	switch {
	case err != nil:
		return err
	case code == 0:
		return nil
	case passing(code):
		return fmt.Errorf("%w: %w", errAgain, kerr.ErrorForCode(code))
	}
	return codeErr(code)
}

// isCode tells whether an error is a broker's answer, rather than a connection's failure.
func isCode(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok
}

// isAny tells whether an error is one of some answers.
func isAny(err error, answers ...*kerr.Error) bool {
	is, ok := errors.AsType[*kerr.Error](err)
	return ok && slices.Contains(answers, is)
}
