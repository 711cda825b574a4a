package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
)

// clientAdmin makes and removes topics for programs in this process.
type clientAdmin struct{ *coordinators }

func clientTopic(t *metadata.Topic) client.Topic {
	return client.Topic{
		Name: t.Name, ID: t.ID, Partitions: int32(len(t.Partitions)), Internal: t.Internal(), Configs: t.Configs,
	}
}

// Topic implements client.Admin.
func (a clientAdmin) Topic(_ context.Context, name string) (client.Topic, error) {
	t := a.quorum.Image().Topic(name)
	if t == nil {
		return client.Topic{}, fmt.Errorf("%w: %q", client.ErrUnknownTopic, name)
	}
	return clientTopic(t), nil
}

// Topics implements client.Admin.
func (a clientAdmin) Topics(context.Context) ([]client.Topic, error) {
	var topics []client.Topic
	for _, t := range a.quorum.Image().SortedTopics() {
		topics = append(topics, clientTopic(t))
	}
	return topics, nil
}

// CreateTopic implements client.Admin.
func (a clientAdmin) CreateTopic(ctx context.Context, spec client.TopicSpec) (client.Topic, error) {
	wanted := controller.NewTopic{
		Name: spec.Name, Partitions: spec.Partitions, ReplicationFactor: spec.Replicas, Configs: spec.Configs,
	}
	if wanted.Partitions == 0 {
		wanted.Partitions = -1
	}
	if wanted.ReplicationFactor == 0 {
		wanted.ReplicationFactor = -1
	}
	img, err := a.quorum.Change(ctx, func(img *metadata.Image) ([]metadata.Record, error) {
		answers, records := a.control.CreateTopics(img, []controller.NewTopic{wanted})
		if answers[0].Err != nil {
			return nil, answers[0].Err
		}
		return records, nil
	})
	if err != nil {
		return client.Topic{}, adminError("create", spec.Name, err)
	}
	t := img.Topic(spec.Name)
	if t == nil { // deleted by somebody else at once
		return client.Topic{}, fmt.Errorf("create topic %q: %w", spec.Name, client.ErrUnknownTopic)
	}
	return clientTopic(t), nil
}

// DeleteTopic implements client.Admin.
func (a clientAdmin) DeleteTopic(ctx context.Context, name string) error {
	_, err := a.quorum.Change(ctx, func(img *metadata.Image) ([]metadata.Record, error) {
		t := img.Topic(name)
		if t == nil {
			return nil, client.ErrUnknownTopic
		}
		records, refused := a.control.DeleteTopic(img, t.ID)
		if refused != nil {
			return nil, refused
		}
		return records, nil
	})
	return adminError("delete", name, err)
}

// DeleteRecords implements client.Admin.
func (a clientAdmin) DeleteRecords(_ context.Context, tp client.TopicPartition, before int64) error {
	p, err := a.replicas.Partition(tp.Topic, tp.Partition)
	if err != nil {
		return clientError(tp, err)
	}
	_, err = p.DeleteRecords(before)
	return clientError(tp, err)
}

// adminError puts the client's own errors in front of the controller's.
func adminError(doing, name string, err error) error {
	var is error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		is = client.ErrTopicExists
	case errors.Is(err, kerr.InvalidConfig), errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.InvalidPartitions),
		errors.Is(err, kerr.InvalidReplicationFactor), errors.Is(err, kerr.PolicyViolation):
		is = client.ErrInvalidConfig
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		is = client.ErrUnknownTopic
	default:
		return fmt.Errorf("%s topic %q: %w", doing, name, err)
	}
	return fmt.Errorf("%s topic %q: %w: %w", doing, name, is, err)
}
