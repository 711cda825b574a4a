package handler

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/replica"
)

// recordErrors lists the records for which a batch was refused (KIP-467), none when it was not for single records.
func recordErrors(err error) []kmsg.ProduceResponseTopicPartitionErrorRecord {
	invalid, ok := errors.AsType[*replica.InvalidRecordsError](err)
	if !ok {
		return nil
	}
	message := invalid.RecordMessage()
	out := make([]kmsg.ProduceResponseTopicPartitionErrorRecord, len(invalid.Records))
	for i, at := range invalid.Records {
		out[i] = kmsg.NewProduceResponseTopicPartitionErrorRecord()
		out[i].RelativeOffset, out[i].ErrorMessage = at, &message
	}
	return out
}
