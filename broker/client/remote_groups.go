package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Committed implements Groups.
func (r *Remote) Committed(ctx context.Context, group string, requireStable bool) (map[TopicPartition]Committed, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var found map[TopicPartition]Committed
	err := r.insist(ctx, func(ctx context.Context) (err error) {
		found, err = r.committed(ctx, group, requireStable)
		return err
	})
	return found, err
}

// unsettled tells whether a coordinator's answer will be another one in a moment.
func unsettled(err error) bool {
	return errors.Is(err, errAgain) || isAny(err, kerr.UnstableOffsetCommit, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator,
		kerr.ConcurrentTransactions, kerr.RequestTimedOut)
}

func (r *Remote) committed(ctx context.Context, group string, requireStable bool) (map[TopicPartition]Committed, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.Topics = r.names.out(group), nil // nil: all there are
	req.Group, req.Topics, req.RequireStable = g.Group, nil, requireStable
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, r.cl)
	if err != nil {
		return nil, fmt.Errorf("fetch positions of group %q: %w", group, err)
	}
	found := map[TopicPartition]Committed{}
	add := func(topic string, partition int32, c Committed, metadata *string, code int16) error {
		if code != 0 {
			return fmt.Errorf("fetch positions of group %q: %w", group, codeErr(code))
		}
		name, mine := r.names.in(topic)
		if !mine || c.Offset < 0 {
			return nil
		}
		if metadata != nil {
			c.Metadata = *metadata
		}
		found[TopicPartition{Topic: name, Partition: partition}] = c
		return nil
	}
	if code := resp.ErrorCode; code != 0 {
		return nil, fmt.Errorf("fetch positions of group %q: %w", group, codeErr(code))
	}
	for _, g := range resp.Groups {
		if g.ErrorCode != 0 {
			return nil, fmt.Errorf("fetch positions of group %q: %w", group, codeErr(g.ErrorCode))
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := add(t.Topic, p.Partition, Committed{Offset: p.Offset, LeaderEpoch: p.LeaderEpoch}, p.Metadata, p.ErrorCode); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(resp.Groups) > 0 {
		return found, nil
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := add(t.Topic, p.Partition, Committed{Offset: p.Offset, LeaderEpoch: p.LeaderEpoch}, p.Metadata, p.ErrorCode); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// DeleteGroup implements Groups.
func (r *Remote) DeleteGroup(ctx context.Context, group string) error {
	if err := r.check(); err != nil {
		return err
	}
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{r.names.out(group)}
	err := r.insist(ctx, func(ctx context.Context) error {
		resp, err := req.RequestWith(ctx, r.cl)
		if err == nil && len(resp.Groups) != 1 {
			err = errShortAnswer
		}
		if err == nil {
			err = codeErr(resp.Groups[0].ErrorCode)
		}
		return err
	})
	if err != nil && !isAny(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("delete group %q: %w", group, err)
	}
	return nil
}
