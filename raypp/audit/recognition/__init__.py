"""Recognisers over what attacks reconstruct: are faces found there, are people told apart, is text read?"""
