package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// adminTimeoutMS is how long a broker may take to make, cut or delete something.
	adminTimeoutMS = 15_000
	// sourceTopic is the ConfigSource of what was set on a topic itself.
	sourceTopic = kmsg.ConfigSourceDynamicTopicConfig
	// byDefault asks for the cluster's own number of partitions or replicas.
	byDefault = -1
)

// Topic implements Admin.
func (r *Remote) Topic(ctx context.Context, name string) (Topic, error) {
	all, err := r.describe(ctx, []string{name})
	if err != nil {
		return Topic{}, err
	}
	return all[0], nil
}

// Topics implements Admin.
func (r *Remote) Topics(ctx context.Context) ([]Topic, error) { return r.describe(ctx, nil) }

// describe tells of topics and their configs; nil: of all.
func (r *Remote) describe(ctx context.Context, topics []string) ([]Topic, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	ctx, cancel := r.patient(ctx)
	defer cancel()
	resp, err := r.metadata(ctx, topics)
	if err != nil {
		return nil, err
	}
	var out []Topic
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == nil {
			continue
		}
		r.learn(t)
		name, mine := r.names.in(*t.Topic)
		if !mine {
			continue
		}
		if err := codeErr(t.ErrorCode); err != nil {
			if topics == nil && !errors.Is(err, kerr.LeaderNotAvailable) {
				continue // deleted in this moment, or not ours to see
			}
			if errors.Is(err, kerr.InvalidTopicException) {
				err = fmt.Errorf("%w: %w", ErrUnknownTopic, err) // no topic has such a name
			}
			if !errors.Is(err, kerr.LeaderNotAvailable) {
				return nil, fmt.Errorf("topic %q: %w", name, err)
			}
		}
		out = append(out, Topic{Name: name, ID: t.TopicID, Partitions: int32(len(t.Partitions)), Internal: t.IsInternal})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, r.configure(ctx, out)
}

// configure fills in what was set on topics themselves. A cluster that does not let us see configs has none to tell.
func (r *Remote) configure(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	at := map[string]*Topic{}
	for i := range topics {
		res := kmsg.NewDescribeConfigsRequestResource()
		res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeTopic, r.names.out(topics[i].Name)
		req.Resources = append(req.Resources, res)
		at[res.ResourceName] = &topics[i]
		topics[i].Configs = map[string]string{}
	}
	var resp *kmsg.DescribeConfigsResponse
	err := r.insist(ctx, func(ctx context.Context) (err error) {
		resp, err = req.RequestWith(ctx, r.cl)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask for configs of topics: %w", err)
	}
	for _, res := range resp.Resources {
		t := at[res.ResourceName]
		if t == nil || res.ErrorCode != 0 {
			continue
		}
		for _, c := range res.Configs {
			if c.Source == sourceTopic && c.Value != nil {
				t.Configs[c.Name] = *c.Value
			}
		}
	}
	return nil
}

// CreateTopic implements Admin.
func (r *Remote) CreateTopic(ctx context.Context, spec TopicSpec) (Topic, error) {
	if err := r.check(); err != nil {
		return Topic{}, err
	}
	ctx, cancel := r.patient(ctx)
	defer cancel()
	err := r.create(ctx, spec)
	if err != nil {
		return Topic{}, fmt.Errorf("create topic %q: %w", spec.Name, err)
	}
	for {
		t, err := r.Topic(ctx, spec.Name)
		if err == nil {
			err = r.writable(ctx, t)
		}
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, ErrUnknownTopic) && !errors.Is(err, errAgain) || !pause(ctx, soonPause) {
			return Topic{}, fmt.Errorf("create topic %q: %w", spec.Name, err)
		}
	}
}

func (r *Remote) create(ctx context.Context, spec TopicSpec) error {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = r.names.out(spec.Name), spec.Partitions, spec.Replicas
	if spec.Partitions == 0 {
		t.NumPartitions = byDefault
	}
	if spec.Replicas == 0 {
		t.ReplicationFactor = byDefault
	}
	for name, value := range spec.Configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, new(value)
		t.Configs = append(t.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), adminTimeoutMS
	unsure := false // a request was on its way when its connection ended
	return r.insist(ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, r.cl)
		if err != nil {
			unsure = unsure || !unsent(err)
			return err
		}
		if len(resp.Topics) != 1 {
			return fmt.Errorf("the answer names %d topics", len(resp.Topics))
		}
		err = said(resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage)
		switch {
		case errors.Is(err, ErrTopicExists) && unsure:
			return nil // by the request whose answer was lost
		case passing(resp.Topics[0].ErrorCode):
			return fmt.Errorf("%w: %w", errAgain, err)
		}
		return err
	})
}

// unsent tells whether a request has certainly not reached a broker.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// writable looks whether the leaders of a new topic's partitions know of it.
func (r *Remote) writable(ctx context.Context, t Topic) error {
	for p := range t.Partitions {
		tp := TopicPartition{Topic: t.Name, Partition: p}
		leader, err := r.leader(ctx, tp)
		if err != nil {
			return err
		}
		if leader == noLeader {
			return errAgain
		}
		_, code, err := r.listOffsets(ctx, r.cl.Broker(int(leader)), tp, listLatest, ReadUncommitted)
		if refusal(err) {
			return err
		}
		if err != nil || passing(code) {
			r.routes.forget(t.Name)
			return errAgain
		}
	}
	return nil
}

// DeleteTopic implements Admin. It returns when the cluster no longer tells of the topic.
func (r *Remote) DeleteTopic(ctx context.Context, name string) error {
	if err := r.check(); err != nil {
		return err
	}
	ctx, cancel := r.patient(ctx)
	defer cancel()
	req := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = new(r.names.out(name))
	req.TopicNames, req.Topics, req.TimeoutMillis = []string{*t.Topic}, append(req.Topics, t), adminTimeoutMS
	unsure := false // a request was on its way when its connection ended
	err := r.insist(ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, r.cl)
		if err != nil {
			unsure = unsure || !unsent(err)
			return err
		}
		if len(resp.Topics) != 1 {
			return fmt.Errorf("the answer names %d topics", len(resp.Topics))
		}
		err = said(resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage)
		switch {
		case errors.Is(err, ErrUnknownTopic) && unsure:
			return nil // by the request whose answer was lost
		case !errors.Is(err, ErrUnknownTopic) && passing(resp.Topics[0].ErrorCode):
			return fmt.Errorf("%w: %w", errAgain, err)
		}
		return err
	})
	r.routes.forget(name)
	if err != nil {
		return fmt.Errorf("delete topic %q: %w", name, err)
	}
	for {
		if err := r.find(ctx, name); errors.Is(err, ErrUnknownTopic) {
			return nil
		}
		if !pause(ctx, soonPause) {
			return fmt.Errorf("delete topic %q: it is deleted, but still told of: %w", name, ctx.Err())
		}
	}
}

// DeleteRecords implements Admin.
func (r *Remote) DeleteRecords(ctx context.Context, tp TopicPartition, before int64) error {
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = tp.Partition, before
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = r.names.out(tp.Topic), append(t.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), adminTimeoutMS
	err := r.onLeader(ctx, tp, func(ctx context.Context, b *kgo.Broker) (int16, error) {
		resp, err := answerOf[*kmsg.DeleteRecordsResponse](b.Request(ctx, req))
		if err != nil {
			return 0, err
		}
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return 0, errShortAnswer
		}
		return resp.Topics[0].Partitions[0].ErrorCode, nil
	})
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	return nil
}

// errShortAnswer says that an answer lacks what was asked for.
var errShortAnswer = errors.New("the answer does not have what was asked for")

// answerOf gives an answer its type.
func answerOf[T kmsg.Response](resp kmsg.Response, err error) (T, error) {
	typed, ok := resp.(T)
	if err == nil && !ok {
		err = errShortAnswer
	}
	return typed, err
}
