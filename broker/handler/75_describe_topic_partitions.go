package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeTopicPartitions describes topics a page at a time (KIP-966).
func (h *Handler) describeTopicPartitions(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeTopicPartitionsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	resp.Topics = []kmsg.DescribeTopicPartitionsResponseTopic{}
	if badCursor(in) {
		for _, t := range in.Topics {
			out := kmsg.NewDescribeTopicPartitionsResponseTopic()
			out.Topic, out.AuthorizedOperations, out.ErrorCode = &t.Topic, noOperations, kerr.InvalidRequest.Code
			out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
			resp.Topics = append(resp.Topics, out)
		}
		req.Reply(resp)
		return
	}
	left := max(1, min(int(in.ResponsePartitionLimit), int(h.configs(img).Int(metadata.ConfigPartitionsPerRequest))))
	for _, name := range h.pageOfTopics(req, img, in) {
		from := 0
		if in.Cursor != nil && in.Cursor.Topic == name {
			from = max(0, int(in.Cursor.Partition))
		}
		if left == 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: int32(from)}
			break
		}
		topic, next := h.describePartitions(req, img, name, from, left)
		resp.Topics = append(resp.Topics, topic)
		if left -= len(topic.Partitions); next > 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: int32(next)}
			break
		}
	}
	req.Reply(resp)
}

// badCursor tells whether a request goes on where no answer of ours can have ended.
func badCursor(in *kmsg.DescribeTopicPartitionsRequest) bool {
	if in.Cursor == nil {
		return false
	}
	return in.Cursor.Partition < 0 || len(in.Topics) > 0 &&
		!slices.ContainsFunc(in.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == in.Cursor.Topic })
}

// pageOfTopics lists the names asked for, or else all the caller may know of, sorted, from the cursor on.
func (h *Handler) pageOfTopics(req *wire.Request, img *metadata.Image, in *kmsg.DescribeTopicPartitionsRequest) []string {
	var names []string
	for _, t := range in.Topics {
		names = append(names, t.Topic)
	}
	if len(names) == 0 {
		for t := range img.Topics() {
			if h.may(req, auth.OpDescribe, auth.ResourceTopic, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if in.Cursor != nil {
		at, _ := slices.BinarySearch(names, in.Cursor.Topic)
		names = names[at:]
	}
	return names
}

// describePartitions describes partitions [from, from+limit); next is the first one left out, 0 when none is.
func (h *Handler) describePartitions(req *wire.Request, img *metadata.Image, name string, from, limit int) (out kmsg.DescribeTopicPartitionsResponseTopic, next int) {
	out = kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.AuthorizedOperations = &name, noOperations
	out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	if !h.may(req, auth.OpDescribe, auth.ResourceTopic, name) {
		out.ErrorCode = kerr.TopicAuthorizationFailed.Code
		return out, 0
	}
	out.AuthorizedOperations = h.operations(req, true, auth.ResourceTopic, name)
	t := img.Topic(name)
	if t == nil {
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		if controller.CheckTopicName(name) != nil {
			out.ErrorCode = kerr.InvalidTopicException.Code
		}
		return out, 0
	}
	out.TopicID, out.IsInternal = t.ID, t.Internal()
	end := min(len(t.Partitions), from+limit)
	for i := from; i < end; i++ {
		p := t.Partitions[i]
		partition := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		partition.Partition, partition.LeaderID, partition.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		partition.Replicas, partition.ISR, partition.OfflineReplicas = p.Replicas, p.ISR, []int32{}
		partition.EligibleLeaderReplicas, partition.LastKnownELR = []int32{}, []int32{}
		out.Partitions = append(out.Partitions, partition)
	}
	if end < len(t.Partitions) {
		next = end
	}
	return out, next
}
