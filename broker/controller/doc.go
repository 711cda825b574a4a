// Package controller decides what the cluster agrees on next: from a request, an image and the time to records and an answer.
//
// It is pure: no I/O, no clock, no goroutine. broker/quorum calls it for one change after the other, commits the records it returns
// and only then lets the answer out. Errors are Kafka's, with the text that helps.
package controller
