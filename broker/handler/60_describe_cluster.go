package handler

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
)

const (
	// endpointBrokers asks for brokers, as against controllers.
	endpointBrokers = 1
	// describePartitionsMax bounds the partitions of one DescribeTopicPartitions answer, Kafka's max.request.partition.size.limit.
	describePartitionsMax = 2000
	// unknownBytes says that a volume's size is not known.
	unknownBytes = -1
)

// describeCluster lists the brokers.
func (h *Handler) describeCluster(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeClusterRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterID, resp.ControllerID, resp.ClusterAuthorizedOperations = img.ClusterID(), h.NodeID, noOperations
	resp.EndpointType, resp.Brokers = endpointBrokers, []kmsg.DescribeClusterResponseBroker{}
	if in.Version >= 1 && in.EndpointType != endpointBrokers {
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
		resp.ErrorMessage = kmsg.StringPtr("clients reach brokers here, not controllers")
		resp.EndpointType = in.EndpointType
		req.Reply(resp)
		return
	}
	for _, b := range img.Brokers() {
		if b.Fenced && !in.IncludeFencedBrokers {
			continue
		}
		out := kmsg.NewDescribeClusterResponseBroker()
		out.NodeID, out.IsFenced = b.ID, b.Fenced
		out.Host, out.Port = h.brokerAddress(req.Conn, b)
		resp.Brokers = append(resp.Brokers, out)
	}
	req.Reply(resp)
}

// describeTopicPartitions describes topics a page at a time (KIP-966).
func (h *Handler) describeTopicPartitions(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeTopicPartitionsRequest)
	img := h.Quorum.Image()
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	resp.Topics = []kmsg.DescribeTopicPartitionsResponseTopic{}
	left := min(int(in.ResponsePartitionLimit), describePartitionsMax)
	if left <= 0 {
		left = describePartitionsMax
	}
	for _, name := range pageOfTopics(img, in) {
		from := 0
		if in.Cursor != nil && in.Cursor.Topic == name {
			from = max(0, int(in.Cursor.Partition))
		}
		if left == 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: int32(from)}
			break
		}
		topic, next := describePartitions(img, name, from, left)
		resp.Topics = append(resp.Topics, topic)
		if left -= len(topic.Partitions); next > 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: int32(next)}
			break
		}
	}
	req.Reply(resp)
}

// pageOfTopics lists the names asked for, all for none, sorted, from the cursor on.
func pageOfTopics(img *metadata.Image, in *kmsg.DescribeTopicPartitionsRequest) []string {
	var names []string
	for _, t := range in.Topics {
		names = append(names, t.Topic)
	}
	if len(names) == 0 {
		for t := range img.Topics() {
			names = append(names, t.Name)
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
func describePartitions(img *metadata.Image, name string, from, limit int) (out kmsg.DescribeTopicPartitionsResponseTopic, next int) {
	out = kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.AuthorizedOperations = &name, noOperations
	out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	t := img.Topic(name)
	if t == nil {
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
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

// describeLogDirs lists the partitions of the data directory with their sizes.
func (h *Handler) describeLogDirs(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeLogDirsRequest)
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir, dir.TotalBytes, dir.UsableBytes = h.DataDir, unknownBytes, unknownBytes
	dir.Topics = []kmsg.DescribeLogDirsResponseDirTopic{}
	held := h.Replicas.Partitions()
	slices.SortFunc(held, func(a, b *replica.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic(), b.Topic()), cmp.Compare(a.Index(), b.Index()))
	})
	for _, p := range held {
		if !logDirWants(in, p) {
			continue
		}
		size, err := p.SizeBytes()
		if err != nil {
			continue // offline or just deleted
		}
		if n := len(dir.Topics); n == 0 || dir.Topics[n-1].Topic != p.Topic() {
			topic := kmsg.NewDescribeLogDirsResponseDirTopic()
			topic.Topic = p.Topic()
			dir.Topics = append(dir.Topics, topic)
		}
		out := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		out.Partition, out.Size = p.Index(), size
		last := &dir.Topics[len(dir.Topics)-1]
		last.Partitions = append(last.Partitions, out)
	}
	resp.Dirs = []kmsg.DescribeLogDirsResponseDir{dir}
	req.Reply(resp)
}

// logDirWants tells whether a partition was asked for; a null list asks for all.
func logDirWants(in *kmsg.DescribeLogDirsRequest, p *replica.Partition) bool {
	if in.Topics == nil {
		return true
	}
	return slices.ContainsFunc(in.Topics, func(t kmsg.DescribeLogDirsRequestTopic) bool {
		return t.Topic == p.Topic() && slices.Contains(t.Partitions, p.Index())
	})
}

// describeClientQuotas answers that there are none.
func (h *Handler) describeClientQuotas(_ context.Context, req *wire.Request) {
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	req.Reply(resp)
}
